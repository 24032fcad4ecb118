package doccheck_test

import (
	"slices"
	"testing"

	"github.com/mittere/mittere/internal/doccheck"
	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestEverythingThatTheModuleExportsHasAComment(t *testing.T) {
	// Generated code has the comments of its schema, which buf checks.
	for _, line := range check(t, "../..", "gen") {
		t.Error(line)
	}
}

func TestPlantedOmissionsAreReported(t *testing.T) {
	const file = "testdata/planted/planted.go:"
	wantLines(t, check(t, "testdata/planted"),
		file+"1: package planted has no doc comment",
		file+"3: const Bare has no doc comment",
		file+"7: const BareSecond has no doc comment",
		file+"12: var BareVariable has no doc comment",
		file+"13: var BareA has no doc comment",
		file+"13: var BareB has no doc comment",
		file+"17: func BareFunction has no doc comment",
		file+"19: type BareType has no doc comment",
		file+"20: field BareType.BareField has no doc comment",
		file+"21: field BareType.Nested has no doc comment",
		file+"21: field BareType.BareInner has no doc comment",
		file+"24: type BareInterface has no doc comment",
		file+"25: method BareInterface.BareMethod has no doc comment",
		file+"31: method Documented.BareValue has no doc comment",
		file+"32: method Documented.BarePointer has no doc comment",
		file+"35: type BareAlias has no doc comment",
	)
}

func TestDocumentedPackageIsSilent(t *testing.T) {
	wantLines(t, check(t, "testdata/silent"))
}

func TestPackageOfTestsNeedsOnlyItsOwnComment(t *testing.T) {
	wantLines(t, check(t, "testdata/tests"),
		"testdata/tests/tests_test.go:1: package tests_test has no doc comment")
}

func TestSkippedFoldersAreNotRead(t *testing.T) {
	wantLines(t, check(t, "testdata", "planted", "tests"))
	wantLines(t, check(t, "."))
}

func check(t *testing.T, root string, skip ...string) (lines []string) {
	t.Helper()
	found, err := doccheck.Module(root, skip...)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range found {
		lines = append(lines, m.String())
	}
	return lines
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
