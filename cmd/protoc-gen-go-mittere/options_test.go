package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const edition = "edition/v1/edition.proto"

func TestStubsAreWhereTheOptionsSay(t *testing.T) {
	for name, c := range map[string]struct {
		options, file, pkg string
	}{
		"default":         {"", gen + "/edition/v1/editionv1mittere/edition.mittere.go", "editionv1mittere"},
		"import":          {"paths=import", gen + "/edition/v1/editionv1mittere/edition.mittere.go", "editionv1mittere"},
		"source relative": {"paths=source_relative", "edition/v1/editionv1mittere/edition.mittere.go", "editionv1mittere"},
		"module":          {"module=" + gen, "edition/v1/editionv1mittere/edition.mittere.go", "editionv1mittere"},
		"suffix":          {"module=" + gen + ",package_suffix=rpc", "edition/v1/editionv1rpc/edition.mittere.go", "editionv1rpc"},
		"moved":           {"S" + edition + "=example.com/a/b", "example.com/a/b/edition.mittere.go", "b"},
		"moved by module": {"module=example.com,S" + edition + "=example.com/a/b", "a/b/edition.mittere.go", "b"},
		"moved despite a suffix": {"package_suffix=rpc,S" + edition + "=example.com/a/b",
			"example.com/a/b/edition.mittere.go", "b"},
		"another moved": {"module=" + gen + ",Szoo/v1/zoo.proto=example.com/zoo,Snot/there.proto=example.com/x",
			"edition/v1/editionv1mittere/edition.mittere.go", "editionv1mittere"},
		"messages mapped": {"M" + edition + "=example.com/m;echo", "example.com/m/echomittere/edition.mittere.go", "echomittere"},
	} {
		t.Run(name, func(t *testing.T) {
			stubs := stubsOf(t, c.options, edition)
			content, ok := stubs[c.file]
			if !ok || len(stubs) != 1 {
				t.Fatalf("generated %q, want %s alone", slices.Sorted(maps.Keys(stubs)), c.file)
			}
			if !strings.Contains(content, "\npackage "+c.pkg+"\n") {
				t.Errorf("the package is not called %s:\n%s", c.pkg, content)
			}
		})
	}
}

func TestFileWithoutServicesHasNoStubs(t *testing.T) {
	if stubs := stubsOf(t, "", "food/v1/food.proto"); len(stubs) > 0 {
		t.Errorf("generated %q", slices.Sorted(maps.Keys(stubs)))
	}
}

func TestFilesMayShareAPackageOfStubs(t *testing.T) {
	const to = "=example.com/all"
	stubs := stubsOf(t, "S"+edition+to+",Sold/v1/old.proto"+to, edition, "old/v1/old.proto")
	want := []string{"example.com/all/edition.mittere.go", "example.com/all/old.mittere.go"}
	if got := slices.Sorted(maps.Keys(stubs)); !slices.Equal(got, want) {
		t.Errorf("generated %q, want %q", got, want)
	}
}

// Names that meet in a shared package differ though they come from two files.
func TestNamesInASharedPackageDiffer(t *testing.T) {
	const to = "=example.com/all"
	request := requestFor(t, "S"+edition+to+",Sold/v1/old.proto"+to, edition, "old/v1/old.proto")
	for _, f := range request.GetProtoFile() {
		for _, s := range f.GetService() {
			*s.Name = "SameService"
		}
	}
	response := respond(request)
	if response.Error != nil {
		t.Fatal(response.GetError())
	}
	var all string
	for _, f := range response.GetFile() {
		all += f.GetContent()
	}
	for _, want := range []string{"type SameServiceClient struct", "type SameServiceClient_ struct"} {
		if strings.Count(all, want) != 1 {
			t.Errorf("%q is there %d times", want, strings.Count(all, want))
		}
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	const toMessages = "=" + gen + "/food/v1"
	for name, c := range map[string]struct {
		options string
		words   []string
	}{
		"unknown":          {"colour=blue", []string{`unknown option "colour"`, "package_suffix=", "SFILE=PATH", "module="}},
		"unknown flag":     {"verbose", []string{`unknown option "verbose"`}},
		"no .proto file":   {"Scalc=example.com/calc", []string{`unknown option "Scalc"`}},
		"empty suffix":     {"package_suffix=", []string{"package_suffix is empty", "a package of their own"}},
		"suffix no name":   {"package_suffix=-rpc", []string{"package_suffix=-rpc", "name of a Go package"}},
		"moved nowhere":    {"S" + edition + "=", []string{"S" + edition, "package's name"}},
		"moved to no name": {"S" + edition + "=example.com/go-calc", []string{`"go-calc" cannot be`}},
		"moved to messages": {"S" + edition + "=" + gen + "/edition/v1",
			[]string{edition + ": package " + gen + "/edition/v1 has the messages of " + edition, "a package of their own"}},
		"moved to other messages": {"Szoo/v1/zoo.proto" + toMessages, []string{"has the messages of food/v1/food.proto"}},
		"moved and source relative": {"paths=source_relative,S" + edition + "=example.com/a",
			[]string{"paths=source_relative", "use module= instead"}},
		"wrong paths": {"paths=sideways", []string{"sideways"}},
	} {
		t.Run(name, func(t *testing.T) {
			wantRefused(t, respond(requestFor(t, c.options, edition, "zoo/v1/zoo.proto")), c.words...)
		})
	}
}

func TestStubsOfTwoFilesInOneAreRefused(t *testing.T) {
	request := requestFor(t, "S"+edition+"=example.com/a,Szoo/v1/edition.proto=example.com/a", edition, "zoo/v1/edition.proto")
	for _, f := range request.GetProtoFile() {
		if f.GetName() == "zoo/v1/zoo.proto" {
			*f.Name = "zoo/v1/edition.proto"
		}
	}
	wantRefused(t, respond(request), "example.com/a/edition.mittere.go", edition, "zoo/v1/edition.proto")
}

func TestStreamsOfRequestsAreRefused(t *testing.T) {
	const reason = "takes a stream of requests, which is not supported: a method takes one request, and answers it once or with a stream"
	wantRefused(t, respond(requestFor(t, "", "streams/v1/streams.proto")),
		"streams/v1/streams.proto:11: method streams.v1.StreamService.Collect "+reason,
		"streams/v1/streams.proto:12: method streams.v1.StreamService.Chat "+reason)
}

func TestRefusalWithoutSourceInfoNamesTheFile(t *testing.T) {
	request := requestFor(t, "", "streams/v1/streams.proto")
	for _, f := range request.GetProtoFile() {
		f.SourceCodeInfo = nil
	}
	wantRefused(t, respond(request), "streams/v1/streams.proto: method streams.v1.StreamService.Chat")
}

func TestFileThatOnlyIsImportedIsNotRefused(t *testing.T) {
	request := requestFor(t, "", edition)
	for _, f := range request.GetProtoFile() {
		if f.GetName() == edition {
			f.Dependency = append(f.Dependency, "streams/v1/streams.proto")
		}
	}
	if response := respond(request); response.Error != nil || len(response.GetFile()) != 1 {
		t.Errorf("error %q and %d files, want the stubs of one file", response.GetError(), len(response.GetFile()))
	}
}

func TestFeaturesAreToldWithErrorsToo(t *testing.T) {
	for name, response := range map[string]*pluginpb.CodeGeneratorResponse{
		"stubs":        respond(requestFor(t, "", edition)),
		"wrong schema": respond(requestFor(t, "", "streams/v1/streams.proto")),
		"wrong option": respond(requestFor(t, "colour=blue", edition)),
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range []pluginpb.CodeGeneratorResponse_Feature{
				pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL,
				pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS,
			} {
				if response.GetSupportedFeatures()&uint64(f) == 0 {
					t.Errorf("%v is not supported", f)
				}
			}
			oldest, newest := descriptorpb.Edition(response.GetMinimumEdition()), descriptorpb.Edition(response.GetMaximumEdition())
			if oldest != descriptorpb.Edition_EDITION_PROTO2 || newest != descriptorpb.Edition_EDITION_2024 {
				t.Errorf("editions from %v to %v", oldest, newest)
			}
		})
	}
}
