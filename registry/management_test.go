package registry_test

import (
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging/call"
)

func TestRegistryTellsOfItselfAsEveryServer(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	conn := must(call.Dial(zmq, s.endpoint()))(t)
	t.Cleanup(func() { ok(t, conn.Close()) })
	names, about := mitterev1mittere.NewRegistryServiceClient(conn), mitterev1mittere.NewManagementServiceClient(conn)
	must(names.List(patient(t), &mitterev1.ListRequest{}))(t)
	info := must(about.Info(patient(t), &mitterev1.InfoRequest{}))(t)
	if info.GetName() != mitterev1mittere.RegistryServiceName || info.GetId() == "" || len(info.GetMethods()) != 6 || info.GetStartedUnixNano() == 0 {
		t.Errorf("info is %v", info)
	}
	if health := must(about.Health(patient(t), &mitterev1.HealthRequest{}))(t).GetHealth(); health != mitterev1.Health_HEALTH_SERVING {
		t.Errorf("health is %v", health)
	}
	for _, method := range must(about.Stats(patient(t), &mitterev1.StatsRequest{}))(t).GetMethods() {
		if asked := method.GetMethod() == mitterev1mittere.RegistryServiceListMethod; asked != (method.GetRequests() == 1) {
			t.Errorf("%s was asked %d times", method.GetMethod(), method.GetRequests())
		}
	}
	if files := must(about.Descriptors(patient(t), &mitterev1.DescriptorsRequest{}))(t).GetFiles().GetFile(); len(files) < 4 {
		t.Errorf("%d files describe the registry", len(files))
	}
}
