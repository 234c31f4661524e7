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

// A record is a JSON object, with its length before it, and delimited protobuf
// messages of the families.
type (
	groupHeader struct {
		Labels         []Label
		Pushed, Failed time.Time
		Expires        time.Time // zero: never
		TTL            time.Duration
		FamiliesPushed []time.Time
	}
	sumHeader struct {
		AggregateBy []string // sorted; what the sum is good for
		Shown       string
		Retired     string // exact
	}
)

func encodeRecord(header any, families []*dto.MetricFamily) []byte {
	head, err := json.Marshal(header)
	if err != nil {
		panic("BUG: a header that cannot be JSON: " + err.Error())
	}
	b := bytes.NewBuffer(binary.AppendUvarint(nil, uint64(len(head))))
	b.Write(head)
	for _, f := range families {
		if _, err := protodelim.MarshalTo(b, f); err != nil {
			panic("BUG: a family that cannot be stored: " + err.Error()) // all texts were checked
		}
	}
	return b.Bytes()
}

func decodeRecord(record []byte, header any) (families []*dto.MetricFamily, err error) {
	b := bytes.NewReader(record)
	n, err := binary.ReadUvarint(b)
	if err != nil || n > uint64(b.Len()) {
		return nil, errors.New("its header is cut off")
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
