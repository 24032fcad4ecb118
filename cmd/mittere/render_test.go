package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// oddities is the schema of a service whose answers are anything that protobuf has.
const oddities = `
name: "oddities.proto" package: "oddities" syntax: "proto2"
dependency: "google/protobuf/any.proto" dependency: "google/protobuf/empty.proto"
dependency: "google/protobuf/field_mask.proto" dependency: "google/protobuf/struct.proto"
dependency: "google/protobuf/timestamp.proto" dependency: "google/protobuf/duration.proto"
dependency: "google/protobuf/wrappers.proto"
message_type {
  name: "Odd"
  field { name: "any" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.Any" }
  field { name: "more" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".google.protobuf.Any" }
  field { name: "struct" number: 3 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.Struct" }
  field { name: "value" number: 4 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.Value" }
  field { name: "at" number: 5 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" }
  field { name: "mask" number: 6 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.FieldMask" }
  field { name: "took" number: 7 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.Duration" }
  field { name: "text" number: 8 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "by_name" number: 9 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".oddities.Odd.ByNameEntry" }
  field { name: "child" number: 10 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".oddities.Odd" }
  field { name: "number" number: 11 label: LABEL_OPTIONAL type: TYPE_DOUBLE }
  field { name: "numbers" number: 12 label: LABEL_REPEATED type: TYPE_FIXED64 options { packed: true } }
  field { name: "group" number: 13 label: LABEL_REPEATED type: TYPE_GROUP type_name: ".oddities.Odd.Group" }
  field { name: "colour" number: 14 label: LABEL_OPTIONAL type: TYPE_ENUM type_name: ".oddities.Colour" }
  field { name: "wrapped" number: 15 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".google.protobuf.StringValue" }
  field { name: "data" number: 16 label: LABEL_REPEATED type: TYPE_BYTES }
  field { name: "by_number" number: 17 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".oddities.Odd.ByNumberEntry" }
  field { name: "single" number: 18 label: LABEL_OPTIONAL type: TYPE_FLOAT }
  field { name: "needed" number: 19 label: LABEL_REQUIRED type: TYPE_BOOL }
  nested_type {
    name: "ByNameEntry" options { map_entry: true }
    field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".oddities.Odd" }
  }
  nested_type {
    name: "ByNumberEntry" options { map_entry: true }
    field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_SINT32 }
    field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING }
  }
  nested_type {
    name: "Group"
    field { name: "inner" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".oddities.Odd" }
    field { name: "id" number: 2 label: LABEL_OPTIONAL type: TYPE_UINT64 }
  }
  extension_range { start: 100 end: 200 }
}
enum_type { name: "Colour" value { name: "RED" number: 1 } value { name: "BLUE" number: 2 } }
extension { name: "tint" extendee: ".oddities.Odd" number: 100 label: LABEL_OPTIONAL type: TYPE_STRING }
extension { name: "shade" extendee: ".oddities.Odd" number: 101 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".oddities.Odd" }
service { name: "OddService" method { name: "Get" input_type: ".google.protobuf.Empty" output_type: ".oddities.Odd" } }
`

// odd returns the type Odd, its schema, and what finds its types.
func odd(t testing.TB) (protoreflect.MessageType, protoreflect.FileDescriptor, resolver) {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{}
	check(t, prototext.Unmarshal([]byte(oddities), file))
	set := &descriptorpb.FileDescriptorSet{}
	for _, path := range file.GetDependency() {
		set.File = append(set.File, &descriptorpb.FileDescriptorProto{Name: &path, Package: proto.String(wellKnownPackage)})
	}
	set.File = append(set.File, file)
	files := must(trusted(set))(t)
	fd := must(files.FindFileByPath("oddities.proto"))(t)
	return dynamicpb.NewMessageType(fd.Messages().ByName("Odd")), fd, resolver{dynamicpb.NewTypes(files)}
}

// field returns the bytes of a field with bytes.
func field(number protowire.Number, value string) string {
	return string(protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value))
}

// anyField returns the bytes of a field with an Any.
func anyField(number protowire.Number, url, value string) string {
	return field(number, field(1, url)+field(2, value))
}

// What JSON cannot express is there as bytes; all else beside it is there as ever.
const (
	nothingElse = `"more":[],"byName":{},"numbers":[],"group":[],"data":[],"byNumber":{}`
	nan         = "\x11\x00\x00\x00\x00\x00\x00\xf8\x7f"
)

// strange are answers with what JSON cannot express.
func strange() map[string]struct{ body, want string } {
	return map[string]struct{ body, want string }{
		"any of an unknown type": {anyField(1, "x.org/no.Body", "\x01"), `"any":{"@type":"x.org/no.Body","bytes":"AQ=="}`},
		"any of broken bytes":    {anyField(1, "x.org/oddities.Odd", "\xff"), `"any":{"@type":"x.org/oddities.Odd","bytes":"/w=="}`},
		"any without a type":     {anyField(1, "", "\x01"), `"any":{"@type":"","bytes":"AQ=="}`},
		"one of several": {anyField(2, "x.org/no.Body", "") + anyField(2, "x.org/google.protobuf.StringValue", field(1, "a")),
			`"more":[{"@type":"x.org/no.Body","bytes":""},{"@type":"x.org/google.protobuf.StringValue","value":"a"}]`},
		"NaN in a struct": {field(3, field(1, field(1, "a")+field(2, nan))+field(1, field(1, "b")+field(2, "\x20\x01"))),
			`"struct":{"a":{"@type":"type.googleapis.com/google.protobuf.Value","bytes":"EQAAAAAAAPh/"},"b":true}`},
		"empty value":            {field(4, ""), `"value":{"@type":"type.googleapis.com/google.protobuf.Value","bytes":""}`},
		"time out of range":      {field(5, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), `"at":{"@type":"type.googleapis.com/google.protobuf.Timestamp","bytes":"CP//////////fw=="}`},
		"duration out of range":  {field(7, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), `"took":{"@type":"type.googleapis.com/google.protobuf.Duration","bytes":"CP//////////fw=="}`},
		"mask that is none":      {field(6, field(1, "aB_")), `"mask":{"@type":"type.googleapis.com/google.protobuf.FieldMask","bytes":"CgNhQl8="}`},
		"text that is none":      {field(8, "a\xff"), `"text":{"bytes":"Yf8="}`},
		"key that is none":       {field(10, field(9, field(1, "\xff")+field(2, ""))), `"child":{"@type":"type.googleapis.com/oddities.Odd","bytes":"SgUKAf8SAA=="}`},
		"extension":              {field(100, "red"), `"[oddities.tint]":"red"`},
		"extension of extension": {field(101, field(100, "red")), `"[oddities.shade]":{` + nothingElse + `,"[oddities.tint]":"red"}`},
	}
}

func TestWhatJSONCannotExpressIsBytesWithinAllElse(t *testing.T) {
	mt, _, types := odd(t)
	for name, c := range strange() {
		t.Run(name, func(t *testing.T) {
			text := must(messageJSON(mt, []byte(c.body), types))(t)
			if !json.Valid(text) || !bytes.Contains(text, []byte(c.want)) || !bytes.Contains(text, []byte(`"byNumber":{}`)) {
				t.Errorf("printed %s, want %s", text, c.want)
			}
		})
	}
}

// An answer must not be lost: the call was executed, and may not be repeated.
func TestAnswersAreNeverLost(t *testing.T) {
	mt, file, _ := odd(t)
	md := file.Services().Get(0).Methods().Get(0)
	w := newWorld(t)
	var body []byte
	handlers := reactor.NewHandlers()
	reactor.HandleMethod(handlers, md, func(context.Context, *emptypb.Empty) (*dynamicpb.Message, error) {
		answer := dynamicpb.NewMessage(mt.Descriptor())
		answer.Set(mt.Descriptor().Fields().ByName("needed"), protoreflect.ValueOfBool(true))
		answer.SetUnknown(body)
		return answer, nil
	})
	server := must(service.NewServer(w.zctx, "odd", handlers, service.WithLogger(slog.New(slog.DiscardHandler))))(t)
	w.background(server)
	get := func() (code int, stdout, stderr string) {
		return command(t.Context(), "", "call", "--endpoint", server.Endpoints()[0], "Get")
	}
	for name, c := range strange() {
		t.Run(name, func(t *testing.T) {
			body = []byte(c.body)
			if code, stdout, stderr := get(); code != 0 || stderr != "" || !strings.Contains(stdout, c.want) {
				t.Errorf("exit code %d, printed %q and %q, want %s", code, stdout, stderr, c.want)
			}
		})
	}
	t.Run("bytes that are no such message", func(t *testing.T) {
		body = []byte(field(10, "\xff"))
		const want = `{"@type":"type.googleapis.com/oddities.Odd","bytes":"mAEBUgH/"}` + "\n"
		code, stdout, stderr := get()
		if code != 23 || stdout != want || !strings.HasPrefix(stderr, "mittere: INTERNAL: the answer is no oddities.Odd: ") {
			t.Errorf("exit code %d, printed %q and %q", code, stdout, stderr)
		}
	})
}

// nested returns an Any in an Any, and so on.
func nested(size int) *anypb.Any {
	const url = "/google.protobuf.Any"
	var text []byte // backwards, so that it takes no square of the time
	for len(text) < size {
		head := []byte(field(1, url))
		head = protowire.AppendVarint(protowire.AppendTag(head, 2, protowire.BytesType), uint64(len(text)))
		slices.Reverse(head)
		text = append(text, head...)
	}
	slices.Reverse(text)
	return &anypb.Any{TypeUrl: url, Value: text}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestDetailsTakeNoMoreThanTheirRoom(t *testing.T) {
	_, _, types := odd(t)
	bomb := nested(940 << 10)
	many := make([]*anypb.Any, 100_000)
	for i := range many {
		many[i] = &anypb.Any{TypeUrl: "x.org/google.protobuf.Struct", Value: []byte(field(1, field(1, strings.Repeat("k", 500))+field(2, "\x20\x01")))}
	}
	children := &anypb.Any{TypeUrl: "x.org/oddities.Odd", Value: bytes.Repeat([]byte(anyField(2, "x.org/oddities.Odd", "")), 200_000)}
	for name, details := range map[string][]*anypb.Any{"deep": {bomb}, "many": many, "wide": {children}} {
		t.Run(name, func(t *testing.T) {
			var texts []json.RawMessage
			took := allocated(func() { texts = detailsJSON(details, types) })
			size := 0
			for _, text := range texts {
				if size += len(text); !json.Valid(text) {
					t.Fatalf("%.100s is no JSON", text)
				}
			}
			if took > 20*detailsRoom || size > 2*detailsRoom || size == 0 {
				t.Errorf("took %d MiB to print %d MiB", took>>20, size>>20)
			}
		})
	}
}

func TestAnswersThatAreTooLargeAreBytes(t *testing.T) {
	mt, _, types := odd(t)
	body := bytes.Repeat([]byte("\x12\x00"), 4<<20) // each an Any
	var text []byte
	took := allocated(func() { text = must(messageJSON(mt, body, types))(t) })
	if took > 200<<20 || !bytes.HasPrefix(text, []byte(`{"@type":"type.googleapis.com/oddities.Odd","bytes":"EgAS`)) {
		t.Errorf("took %d MiB to print %.100s", took>>20, text)
	}
}

func TestSchemasCannotRedefineTheWellKnownTypes(t *testing.T) {
	own := &descriptorpb.FileDescriptorProto{
		Name: proto.String("mine.proto"), Package: proto.String(wellKnownPackage),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Timestamp")}},
	}
	if _, err := trusted(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{own}}); err == nil {
		t.Error("a Timestamp of another file was taken")
	}
	own.Name = proto.String("google/protobuf/timestamp.proto")
	files := must(trusted(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{own}}))(t)
	d := must(files.FindDescriptorByName("google.protobuf.Timestamp"))(t)
	if d.(protoreflect.MessageDescriptor).Fields().Len() != 2 {
		t.Error("the Timestamp is not protobuf's")
	}
}

// Whatever bytes come, the JSON is valid; where protojson has one, it is the same.
func FuzzMessagesAreTheJSONOfProtobuf(f *testing.F) {
	mt, _, types := odd(f)
	for _, c := range strange() {
		f.Add([]byte(c.body))
	}
	f.Add([]byte(anyField(1, "/google.protobuf.Duration", "\x08\x02") + "\x70\x02\x6b\x10\x07\x6c" + field(9, field(1, "b")+field(2, "\x70\x09")) +
		field(12, "12345678") + field(17, "\x08\x01"+field(2, "x")) + field(16, "") + "\x95\x01\x00\x00\x80\x7f" + field(15, "") + "\x59\x00\x00\x00\x00\x00\x00\xf0\x3f"))
	f.Add(nested(300).GetValue())
	f.Fuzz(func(t *testing.T, body []byte) {
		text, err := messageJSON(mt, body, types)
		var got, want any
		if failed := json.Unmarshal(text, &got); failed != nil {
			t.Fatalf("%q is no JSON: %v", text, failed)
		}
		m := mt.New().Interface()
		exact := proto.UnmarshalOptions{AllowPartial: true, Resolver: types}.Unmarshal(body, m)
		if (exact == nil) != (err == nil) && len(body) < 2*maxDepth {
			t.Fatalf("error %v, protobuf's %v", err, exact)
		}
		theirs, failed := protojson.MarshalOptions{AllowPartial: true, EmitDefaultValues: true, Resolver: types}.Marshal(m)
		if exact != nil || failed != nil || len(body) > 2*maxDepth {
			return
		}
		check(t, json.Unmarshal(theirs, &want))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("printed %s, protojson %s", text, theirs)
		}
	})
}

func TestAnAnswerOfAnotherTypeIsPrintedAndAnError(t *testing.T) {
	_, file, types := odd(t)
	x := &exchange{schema: &schema{types: types}, method: file.Services().Get(0).Methods().Get(0)}
	text, err := x.answer(&messaging.Envelope{Type: "google.protobuf.StringValue", Body: []byte(field(1, "a"))})
	if messaging.CodeOf(err) != messaging.Internal || string(text) != `{"@type":"type.googleapis.com/google.protobuf.StringValue","value":"a"}` {
		t.Errorf("printed %s, error %v", text, err)
	}
}
