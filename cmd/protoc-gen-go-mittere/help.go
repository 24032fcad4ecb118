package main

// help is what --help prints.
const help = `protoc-gen-go-mittere makes Go stubs for Mittere: for every service of a .proto
file a client, the interface of its handler and the function that registers it.
It is a plugin: buf or protoc runs it, beside protoc-gen-go, which makes the
messages.

Install:
  go install google.golang.org/protobuf/cmd/protoc-gen-go@latest
  go install github.com/mittere/mittere/cmd/protoc-gen-go-mittere@latest

buf.gen.yaml, for "buf generate":
  version: v2
  managed:
    enabled: true
    override:
      - file_option: go_package_prefix
        value: example.com/shop/gen
  plugins:
    - local: protoc-gen-go
      out: gen
      opt: paths=source_relative
    - local: protoc-gen-go-mittere
      out: gen
      opt: paths=source_relative

The stubs of gen/calc/v1/calc.pb.go, package calcv1, are then in
gen/calc/v1/calcv1mittere/calc.mittere.go, package calcv1mittere.

Options:
` + optionsHelp + `
More: https://github.com/mittere/mittere/blob/main/docs/codegen.md
`

// optionsHelp lists the options, for --help and for the error of another one.
const optionsHelp = `  package_suffix=SUFFIX   the stubs of package calcv1 are in package calcv1SUFFIX,
                          in a folder of that name below it (default: mittere)
  SFILE=PATH              the stubs of the .proto file FILE are in the package
                          with the import path PATH instead
  paths=source_relative, paths=import, module=PREFIX, MFILE=PATH
                          as protoc-gen-go has them
`
