package aggregator

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protodelim"
)

// The kinds of records.
const (
	sumRecord   = 's'
	groupRecord = 'g'
)

// A record is a JSON object preceded by its length, followed by the families as
// delimited protobuf messages.
type (
	groupHeader struct {
		Labels         []Label
		Pushed, Failed time.Time
		Expires        time.Time // zero if the group never expires
		TTL            time.Duration
		FamiliesPushed []time.Time
	}
	sumHeader struct {
		AggregateBy []string // sorted; the labels by which groups were aggregated
		Shown       string
		Retired     string // an exact, as text
	}
)

func encodeRecord(header any, families []*dto.MetricFamily) []byte {
	head, err := json.Marshal(header)
	if err != nil {
		panic("BUG: a header cannot be encoded: " + err.Error())
	}
	b := bytes.NewBuffer(binary.AppendUvarint(nil, uint64(len(head))))
	b.Write(head)
	for _, f := range families {
		if _, err := protodelim.MarshalTo(b, f); err != nil {
			panic("BUG: a family cannot be encoded: " + err.Error()) // all texts were validated
		}
	}
	return b.Bytes()
}

func decodeRecord(record []byte, header any) (families []*dto.MetricFamily, err error) {
	b := bytes.NewReader(record)
	n, err := binary.ReadUvarint(b)
	if err != nil || n > uint64(b.Len()) {
		return nil, errors.New("the header is cut off")
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(b, head); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(head, header); err != nil {
		return nil, err
	}
	options := protodelim.UnmarshalOptions{MaxSize: -1}
	for b.Len() > 0 {
		f := &dto.MetricFamily{}
		if err := options.UnmarshalFrom(b, f); err != nil {
			return nil, err
		}
		families = append(families, f)
	}
	return families, nil
}
