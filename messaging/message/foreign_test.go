package message_test

import (
	"os/exec"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func TestProgramWithItsOwnHeartbeatAndAckStarts(t *testing.T) {
	output, err := exec.Command("go", "run", "./testdata/foreign").CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, output)
	}
	want := []string{"Heartbeat *main.Heartbeat true", "ack *main.Ack true", "ShutdownEvent *main.ShutdownEvent true"}
	if got := strings.Split(strings.TrimSpace(string(output)), "\n"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("it printed\n%s", output)
	}
}

func TestNoMessageWithoutPackageIsInTheGlobalRegistry(t *testing.T) {
	protoregistry.GlobalTypes.RangeMessages(func(m protoreflect.MessageType) bool {
		if name := m.Descriptor().FullName(); name.Parent() == "" {
			t.Errorf("%s would stop a program that has one of its own", name)
		}
		return true
	})
}
