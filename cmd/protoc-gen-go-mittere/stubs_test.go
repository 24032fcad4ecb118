package main

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/emptypb"

	foodv1 "github.com/mittere/mittere/cmd/protoc-gen-go-mittere/testdata/gen/food/v1"
	namesv1 "github.com/mittere/mittere/cmd/protoc-gen-go-mittere/testdata/gen/names/v1"
	zoov1 "github.com/mittere/mittere/cmd/protoc-gen-go-mittere/testdata/gen/zoo/v1"
	callmittere "github.com/mittere/mittere/cmd/protoc-gen-go-mittere/testdata/golden/default/names/v1/callmittere"
	zoov1mittere "github.com/mittere/mittere/cmd/protoc-gen-go-mittere/testdata/golden/default/zoo/v1/zoov1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

// answering returns a caller that notes the request and answers with messages.
func answering(noted **call.Request, answers ...proto.Message) call.Caller {
	return call.Invoker(func(_ context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
		*noted = r
		for _, m := range answers {
			e, err := messaging.Pack(m)
			if err != nil {
				return err
			}
			if err := each(&e); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestClientMakesUnaryCalls(t *testing.T) {
	var made *call.Request
	zoo := zoov1mittere.NewZooServiceClient(answering(&made, &emptypb.Empty{}))
	meal := &foodv1.Meal{Name: proto.String("hay")}
	answer, err := zoo.Feed(t.Context(), meal, call.WithMetadata("who", "me"))
	if err != nil || answer == nil {
		t.Fatalf("answer %v, error %v", answer, err)
	}
	want := call.Method{Name: zoov1mittere.ZooServiceFeedMethod, Idempotency: call.Idempotent}
	if made.Method != want || !proto.Equal(made.Message, meal) || made.Metadata["who"] != "me" {
		t.Errorf("called %+v, want %+v with the meal and metadata", made, want)
	}
}

func TestClientReadsStreams(t *testing.T) {
	var made *call.Request
	caller := answering(&made, &zoov1.WatchResponse{Event: "roar"}, &zoov1.WatchResponse{Event: "yawn"})
	var events []string
	for event, err := range zoov1mittere.NewZooServiceClient(caller).Watch(t.Context(), &zoov1.WatchRequest{}) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, event.GetEvent())
	}
	if len(events) != 2 || events[0] != "roar" || events[1] != "yawn" {
		t.Errorf("events %q", events)
	}
	if want := (call.Method{Name: "zoo.v1.ZooService/Watch", Streaming: true}); made.Method != want {
		t.Errorf("called %+v, want %+v", made.Method, want)
	}
}

// keeper has one method of its own; the others are there by embedding.
type keeper struct {
	zoov1mittere.UnimplementedZooServiceHandler
}

func (keeper) Feed(context.Context, *foodv1.Meal) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func TestMethodsThatAreLeftOutAreUnimplemented(t *testing.T) {
	var service zoov1mittere.ZooServiceHandler = keeper{}
	if _, err := service.Feed(t.Context(), &foodv1.Meal{}); err != nil {
		t.Errorf("Feed: %v", err)
	}
	_, err := service.Find(t.Context(), &zoov1.FindRequest{})
	wantUnimplemented(t, err, "zoo.v1.ZooService/Find is not implemented")
	err = service.Watch(t.Context(), &zoov1.WatchRequest{}, nil)
	wantUnimplemented(t, err, "zoo.v1.ZooService/Watch is not implemented")
}

func wantUnimplemented(t *testing.T, err error, message string) {
	t.Helper()
	e := messaging.AsError(err)
	if e == nil || e.Code != messaging.Unimplemented || e.Message != message {
		t.Errorf("error %v, want UNIMPLEMENTED and %q", err, message)
	}
}

// Names that meet in Go still lead to the methods that they are of.
func TestAllMethodsAreRegistered(t *testing.T) {
	h := reactor.NewHandlers()
	zoov1mittere.RegisterZooService(h, keeper{})
	callmittere.RegisterKeeper(h, callmittere.UnimplementedKeeperHandler{})
	callmittere.RegisterKeeper_(h, callmittere.UnimplementedKeeperHandler_{})
	callmittere.RegisterNewKeeper(h, callmittere.UnimplementedNewKeeperHandler{})
	registered := map[protoreflect.FullName]bool{}
	for _, md := range h.Methods() {
		registered[md.FullName()] = true
	}
	want := 0
	for _, methods := range []protoreflect.MethodDescriptors{
		zoov1.File_zoo_v1_zoo_proto.Services().ByName("ZooService").Methods(),
		namesv1.File_names_v1_names_proto.Services().ByName("Keeper").Methods(),
		namesv1.File_names_v1_names_proto.Services().ByName("keeper").Methods(),
	} {
		for i := range methods.Len() {
			want++
			if name := methods.Get(i).FullName(); !registered[name] {
				t.Errorf("%s is not registered", name)
			}
		}
	}
	if len(registered) != want {
		t.Errorf("%d methods are registered, want %d", len(registered), want)
	}
}
