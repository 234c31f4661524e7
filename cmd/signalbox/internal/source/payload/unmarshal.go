package payload

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jsonscan"
)

// Unmarshal stores a JSON value in the value that v points to. It leaves what is in v
// unchanged where the JSON value has another type. It returns an error if the body is
// not JSON. A json.RawMessage is valid as long as the body.
//
// Most of a payload is not used, and skipping it with encoding/json takes more time than
// everything else. So Unmarshal reads the objects that are stored in structs itself, and
// checks other members only as much as is necessary to skip them. Unlike encoding/json,
// it does not ignore the case of their names.
func Unmarshal(body []byte, v any) error {
	err := unmarshalObject(body, reflect.ValueOf(v))
	if err != nil {
		err = json.Unmarshal(body, v) // which describes the error best
	}
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); err == nil || ok {
		return nil
	}
	return fmt.Errorf("the body is not JSON: %w", err)
}

var (
	errNoObject = errors.New("not an object for a struct")
	errNotUTF8  = errors.New("not UTF-8")
)

func unmarshalObject(body []byte, pointer reflect.Value) error {
	d := decoding{body: body}
	utf8 := d.scan.Reset(body)
	known := membersOf(pointer.Type())
	switch {
	case known == nil || d.scan.Peek() != '{':
		return errNoObject
	case !utf8:
		return errNotUTF8
	}
	if err := d.object(pointer.Elem(), known); err != nil {
		return err
	}
	return d.scan.End()
}

// A decoding is the state of Unmarshal.
type decoding struct {
	body []byte
	scan jsonscan.Scanner
}

// object stores the object that comes next in a struct.
func (d *decoding) object(into reflect.Value, known map[string]member) error {
	return d.scan.Members(func() error {
		name, err := d.scan.Key()
		if err != nil {
			return err
		}
		m, ok := known[string(name)]
		if !ok {
			return d.scan.SkipValue()
		}
		return d.value(into.FieldByIndex(m.index), m.members)
	})
}

// value stores the value that comes next. known are the members if it is an object.
func (d *decoding) value(into reflect.Value, known map[string]member) error {
	next := d.scan.Peek()
	switch {
	case next == '"' && into.Type() == reflect.TypeFor[string]():
		text, err := d.scan.Text()
		into.SetString(string(text))
		return err
	case next == '{' && known != nil:
		if into.Kind() == reflect.Pointer {
			if into.IsNil() {
				into.Set(reflect.New(into.Type().Elem()))
			}
			into = into.Elem()
		}
		return d.object(into, known)
	}
	start := d.scan.Pos
	if err := d.scan.SkipValue(); err != nil {
		return err
	}
	value := d.body[start:d.scan.Pos]
	if into.Type() == reflect.TypeFor[json.RawMessage]() {
		into.SetBytes(value)
		return nil
	}
	err := json.Unmarshal(value, into.Addr().Interface())
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil
	}
	return err
}

// A member is a member of an object that is stored in a field of a struct.
type member struct {
	index   []int             // of the field
	members map[string]member // if the field is a struct, else nil
}

var knownMembers sync.Map // map[string]member by reflect.Type

// membersOf returns the members that are stored in a type, by name, or nil if it is
// neither a struct nor a pointer to one, or decodes itself.
func membersOf(t reflect.Type) map[string]member {
	if known, ok := knownMembers.Load(t); ok {
		return known.(map[string]member)
	}
	var known map[string]member
	if structure := structOf(t); structure != nil {
		known = map[string]member{}
		var embedded []reflect.StructField
		for i := range structure.NumField() {
			f := structure.Field(i)
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
				known[name] = member{f.Index, membersOf(f.Type)}
			} else if f.Anonymous {
				embedded = append(embedded, f)
			}
		}
		// Fields with the same name in several embedded structs store different members.
		for _, f := range embedded {
			for name, m := range membersOf(f.Type) {
				if _, isOuter := known[name]; !isOuter {
					known[name] = member{slices.Concat(f.Index, m.index), m.members}
				}
			}
		}
	}
	knownMembers.Store(t, known)
	return known
}

// structOf returns the struct that objects are stored in, or nil.
func structOf(t reflect.Type) reflect.Type {
	if t.Kind() != reflect.Pointer {
		t = reflect.PointerTo(t)
	}
	if t.Elem().Kind() != reflect.Struct || t.Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	return t.Elem()
}
