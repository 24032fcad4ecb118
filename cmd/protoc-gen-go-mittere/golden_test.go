package main

import (
	"flag"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

// goldens are the folders of testdata/golden.
var goldens = []struct {
	folder  string
	options string
	files   []string
}{
	{"default", "module=" + gen, []string{
		"zoo/v1/zoo.proto", "names/v1/names.proto", "req/req.proto", "edition/v1/edition.proto",
		"old/v1/old.proto", "food/v1/food.proto", "bare/v1/bare.proto",
	}},
	{"source_relative", "paths=source_relative", []string{"edition/v1/edition.proto"}},
	{"suffix", "module=" + gen + ",package_suffix=stubs", []string{"edition/v1/edition.proto"}},
	{"moved", "module=" + gen + ",Sedition/v1/edition.proto=" + gen + "/echo/echoing", []string{"edition/v1/edition.proto"}},
	{"mapped", "module=example.com/stubs,Medition/v1/edition.proto=example.com/stubs/messages/edition;echo," +
		"Sedition/v1/edition.proto=example.com/stubs/echoing", []string{"edition/v1/edition.proto"}},
}

func TestStubsAreTheGoldenOnes(t *testing.T) {
	for _, c := range goldens {
		t.Run(c.folder, func(t *testing.T) {
			stubs := stubsOf(t, c.options, c.files...)
			folder := filepath.Join("testdata", "golden", c.folder)
			if *update {
				rewrite(t, folder, stubs)
			}
			golden := filesIn(t, folder)
			names := slices.Sorted(maps.Keys(stubs))
			if want := slices.Sorted(maps.Keys(golden)); !slices.Equal(names, want) {
				t.Fatalf("generated %q, want %q", names, want)
			}
			for _, name := range names {
				if stubs[name] != golden[name] {
					t.Errorf("%s is not the golden one; go test -update writes it anew, for git diff to show", name)
				}
			}
		})
	}
}

func rewrite(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		name = filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// filesIn returns the files below a folder, by their paths from there.
func filesIn(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := os.DirFS(folder)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		files[path.Clean(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// go vet compiles too. What is mapped to another module has no messages here.
func TestGoldenStubsPassGoVet(t *testing.T) {
	vet := exec.Command("go", "vet",
		"./testdata/golden/default/...", "./testdata/golden/source_relative/...",
		"./testdata/golden/suffix/...", "./testdata/golden/moved/...")
	if out, err := vet.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

func TestStubsAreTheSameEveryTime(t *testing.T) {
	c := goldens[0]
	first := stubsOf(t, c.options, c.files...)
	slices.Reverse(c.files)
	if !maps.Equal(first, stubsOf(t, c.options, c.files...)) {
		t.Error("another run, with the files in another order, gives other stubs")
	}
}
