package pushgateway

import (
	"bytes"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// The memory that parsing a body and applying the push takes, in bytes, for each part
// of the body. It depends on the parts rather than on the size of the body: many short
// lines take ninety times the size of the body, a few long label values three times.
// TestWeight compares the results with what is really used.
const (
	bytesPerByte = 4 // for texts that the results contain, sometimes twice

	// In text and OpenMetrics, a line can be a sample in a family of its own, and every
	// label has two quotes.
	bytesPerLine     = 900
	bytesPerComment  = 400
	bytesPerQuote    = 200
	bytesPerExemplar = 300 // in OpenMetrics only

	// In protobuf, these add up: a family is also a message, for example.
	bytesPerFamily  = 400
	bytesPerSample  = 200
	bytesPerMessage = 90
	bytesPerField   = 40

	// Every sample gets the labels of its group, twice if groups are aggregated.
	bytesPerGroupLabel = 50
)

// weigh returns an upper bound of the memory that parsing a body and applying the push
// takes, in bytes.
func weigh(body []byte, contentType string, grouping []aggregator.Label) int64 {
	group := int64(0)
	for _, l := range grouping {
		group += 2 * int64(bytesPerGroupLabel+len(l.Name)+len(l.Value))
	}
	weight := weighText(body, group)
	if strings.Contains(strings.ToLower(contentType), "protobuf") {
		weight = max(weight, weighProtobuf(body, group)) // decode may parse it as text nevertheless
	}
	return weight + bytesPerByte*int64(len(body))
}

// weighText returns the weight of a body of text or OpenMetrics without that of its
// bytes. group is the memory for the labels of the group, for each sample.
func weighText(body []byte, group int64) int64 {
	weight := bytesPerQuote * int64(bytes.Count(body, []byte{'"'}))
	weight += bytesPerExemplar * int64(bytes.Count(body, []byte(" # {")))
	for line := range bytes.Lines(body) {
		switch line[0] {
		case '\n':
		case '#':
			weight += bytesPerComment
		default:
			weight += bytesPerLine + group
		}
	}
	return weight
}

var familyDescriptor = new(dto.MetricFamily).ProtoReflect().Descriptor()

// weighProtobuf returns the weight of a sequence of families, each preceded by its
// length, without that of its bytes. It stops at an error, as decodeProtobuf does.
func weighProtobuf(body []byte, group int64) (weight int64) {
	for len(body) > 0 {
		family, n := protowire.ConsumeBytes(body)
		if n < 0 {
			break
		}
		body = body[n:]
		weight += bytesPerFamily + weighMessage(family, familyDescriptor, bytesPerSample+group)
	}
	return weight
}

// weighMessage returns the weight of a message. nested is added for each message
// directly in it.
func weighMessage(message []byte, d protoreflect.MessageDescriptor, nested int64) int64 {
	weight := int64(bytesPerMessage)
	for len(message) > 0 {
		number, typ, n := protowire.ConsumeTag(message)
		if n < 0 {
			break
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, typ, message); n < 0 {
			break
		}
		value := message[:n]
		message = message[n:]

		weight += bytesPerField
		if typ != protowire.BytesType {
			continue
		}
		content, _ := protowire.ConsumeBytes(value)
		switch field := d.Fields().ByNumber(number); {
		case field == nil:
		case field.Message() != nil:
			weight += nested + weighMessage(content, field.Message(), 0)
		case field.IsList(): // a packed list of numbers
			weight += 2 * 8 * int64(len(content))
		}
	}
	return weight
}
