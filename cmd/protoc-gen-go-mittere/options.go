package main

import (
	"errors"
	"fmt"
	"go/token"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// defaultSuffix is behind the name of a message package in the name of its stubs'.
const defaultSuffix = "mittere"

// options are the plugin's own; those that all Go plugins have are protogen's. The
// zero value has the defaults.
type options struct {
	suffix string                           // of the package's name; "" is defaultSuffix
	moved  map[string]protogen.GoImportPath // by .proto file: where its stubs are
}

// errMessages says why stubs are never in the package of their messages.
var errMessages = errors.New("stubs are in a package of their own, " +
	"so that who imports messages does not import the library with ZeroMQ")

// set takes one option as protogen found it: key=value, or key alone.
func (o *options) set(key, value string) error {
	if key == "package_suffix" {
		return o.setSuffix(value)
	}
	if file, ok := strings.CutPrefix(key, "S"); ok && strings.HasSuffix(file, ".proto") {
		return o.move(file, value)
	}
	return fmt.Errorf("unknown option %q; the options are\n%s", key, optionsHelp)
}

func (o *options) setSuffix(suffix string) error {
	if suffix == "" {
		return fmt.Errorf("option package_suffix is empty: %w", errMessages)
	}
	if !token.IsIdentifier("x" + suffix) {
		return fmt.Errorf("option package_suffix=%s: no name of a Go package ends so", suffix)
	}
	o.suffix = suffix
	return nil
}

func (o *options) move(file, importPath string) error {
	if !token.IsIdentifier(path.Base(importPath)) {
		return fmt.Errorf("option S%s=%s: the last element of the import path is the package's name, which %q cannot be",
			file, importPath, path.Base(importPath))
	}
	if o.moved == nil {
		o.moved = map[string]protogen.GoImportPath{}
	}
	o.moved[file] = protogen.GoImportPath(importPath)
	return nil
}

// place is where the stubs of a .proto file are.
type place struct {
	name       protogen.GoPackageName
	importPath protogen.GoImportPath
	filename   string // of the generated file
}

// placeOf returns where the stubs of a file go.
func (o *options) placeOf(plugin *protogen.Plugin, f *protogen.File) (place, error) {
	p := o.below(f)
	if to, ok := o.moved[f.Desc.Path()]; ok {
		if slices.Contains(strings.Split(plugin.Request.GetParameter(), ","), "paths=source_relative") {
			return place{}, fmt.Errorf("option S%s=%s says where the stubs are, and paths=source_relative that they are beside the .proto file: "+
				"use module= instead", f.Desc.Path(), string(to))
		}
		p.name = protogen.GoPackageName(path.Base(string(to)))
		p.importPath = to
		p.filename = path.Join(string(to), path.Base(p.filename))
	}
	for _, other := range plugin.Files {
		if other.GoImportPath == p.importPath {
			return place{}, fmt.Errorf("%s: package %s has the messages of %s: %w",
				f.Desc.Path(), string(p.importPath), other.Desc.Path(), errMessages)
		}
	}
	return p, nil
}

// below returns where stubs are by default: in a package below the messages'.
func (o *options) below(f *protogen.File) place {
	suffix := o.suffix
	if suffix == "" {
		suffix = defaultSuffix
	}
	name := string(f.GoPackageName) + suffix
	dir, base := path.Split(f.GeneratedFilenamePrefix)
	return place{
		name:       protogen.GoPackageName(name),
		importPath: protogen.GoImportPath(path.Join(string(f.GoImportPath), name)),
		filename:   path.Join(dir, name, base+".mittere.go"),
	}
}
