package law

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
)

// Load asks the go command for the graph of the module in the folder dir.
// A package that does not compile is in it like any other.
func Load(dir string) (Graph, error) {
	module, err := readModule(dir)
	if err != nil {
		return Graph{}, err
	}
	packages, err := readPackages(dir)
	if err != nil {
		return Graph{}, err
	}
	return Graph{module.Module.Path, module.direct(), packages}, nil
}

// moduleFile is the part of "go mod edit -json" that is used here.
type moduleFile struct {
	Module  struct{ Path string }
	Require []struct {
		Path     string
		Indirect bool
	}
}

func (m moduleFile) direct() (paths []string) {
	for _, r := range m.Require {
		if !r.Indirect {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

func readModule(dir string) (m moduleFile, err error) {
	out, err := goCommand(dir, "mod", "edit", "-json")
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(out, &m)
}

// listed is the part of "go list -json" that is used here.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func readPackages(dir string) (packages []Package, err error) {
	out, err := goCommand(dir, "list", "-e", "-tags=interop,guide",
		"-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, Package{p.ImportPath, p.Imports, slices.Concat(p.TestImports, p.XTestImports)})
	}
}

func goCommand(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	// Without cgo the go command would leave out the files that need it.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %v: %w: %s", args, err, stderr.String())
	}
	return out, nil
}
