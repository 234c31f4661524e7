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

// The kinds of records in the storage file.
const (
	sumRecord   = 's'
	groupRecord = 'g'
)

// A record consists of the length of a JSON object, the JSON object, and the families
// as delimited protobuf messages. The following types are those of the JSON objects.
type (
	groupHeader struct {
		Labels         []Label
		Pushed, Failed time.Time
		Expires        time.Time // zero if the group never expires
		TTL            time.Duration
		OwnTTL         bool // TTL was set by a push, and is not the default
		FamiliesPushed []time.Time
	}
	sumHeader struct {
		AggregateBy []string // names of the labels by which groups were aggregated, sorted
		Shown       string   // text of the labels of the sum
		Retired     string   // from exactSum.String
	}
)

// encodeRecord returns a record with a groupHeader or sumHeader.
func encodeRecord(header any, families []*dto.MetricFamily) []byte {
	head, err := json.Marshal(header)
	if err != nil {
		panic("BUG: a header cannot be encoded: " + err.Error())
	}
	b := bytes.NewBuffer(binary.AppendUvarint(nil, uint64(len(head))))
	b.Write(head)
	for _, f := range families {
		if _, err := protodelim.MarshalTo(b, f); err != nil {
			panic("BUG: a family cannot be encoded: " + err.Error()) // all strings were validated
		}
	}
	return b.Bytes()
}

// decodeRecord decodes a record. header must be a pointer to its groupHeader or
// sumHeader.
func decodeRecord(record []byte, header any) (families []*dto.MetricFamily, err error) {
	b := bytes.NewReader(record)
	n, err := binary.ReadUvarint(b)
	if err != nil || n > uint64(b.Len()) {
		return nil, errors.New("the header is truncated")
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
