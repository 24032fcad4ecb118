# Everything is run through here, on a build server too. What a fresh machine
# with Go lacks is brought by scripts/setup, which every target that needs it
# calls. Tools are pinned in tools/go.mod; only lint and generate build them.

DIR           = # the tree that the demo counts; empty: Go's own sources
FUZZTIME      ?= 5s
FAULT_SECONDS ?= 1
export FAULT_SECONDS

VERSION = $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TOOL    = go tool -modfile=tools/go.mod
# The version is stamped here, so go build need not ask git, which refuses in a
# folder of another user.
BUILD   = go build -buildvcs=false
# The image of the schemas that the next ones must stay compatible with.
SCHEMA  = proto/schema.binpb
# The names of all tests that load a thing or break it, for FAULT_SECONDS each.
FAULTS  = Stress|Fault|Load

.DEFAULT_GOAL := help
.PHONY: help setup build portable demo test race engines lint generate generate-check schema fuzz \
	bench bench-once benchmarks examples guide interop faults ci ci-full

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

setup: ## bring what the tests need beside Go: libzmq, pkg-config, a C compiler
	@scripts/setup

build: ## build the command line, bin/mittere
	$(BUILD) -ldflags "-X main.version=$(VERSION)" -o bin/mittere ./cmd/mittere

portable: ## check that all builds without cgo, for macOS too, and the libraries for Windows
	CGO_ENABLED=0 go test ./comm/libzmq
	@for target in linux/amd64 linux/arm64 darwin/arm64; do \
		echo "go vet ./comm/... for $$target without cgo"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go vet ./comm/... || exit 1; \
	done
	CGO_ENABLED=0 GOOS=windows go build ./comm/... ./messaging/... ./reactor/... ./registry ./service/...
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build -o /dev/null ./...
	CGO_ENABLED=0 go build -o /dev/null ./...

demo: ## count a source tree with worker processes; needs Go alone (DIR=... for another tree than Go's)
	@echo "demo: building bin/census (the first time takes a minute)"
	@$(BUILD) -o bin/census ./examples/census
	@bin/census $(if $(DIR),'$(DIR)')

test: setup ## run all tests (FAULT_SECONDS=1: length of each load and fault run)
	go test -parallel 8 ./...
	@echo
	@echo "Left out: make interop, with a real dīvidere and Majordomo peers (Python),"
	@echo "and make guide, which follows docs/getting-started.md in an empty folder."

race: setup ## run all tests with the race detector, in random order
	go test -race -shuffle=on -parallel 8 ./...

engines: setup ## run the suite of comm on libzmq, and with each end on another engine
	@for engine in libzmq native+libzmq libzmq+native; do \
		echo "MITTERE_ENGINE=$$engine go test ./comm"; \
		MITTERE_ENGINE=$$engine go test -count=1 -race -skip AllPairsOfEngines ./comm || exit 1; \
	done

lint: setup ## gofmt, go vet, golangci-lint, buf lint, buf breaking
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	go vet -tags interop,guide ./...
	$(TOOL) golangci-lint run ./...
	$(TOOL) buf lint
	$(TOOL) buf breaking --against $(SCHEMA)
	$(MAKE) -C bench lint

generate: ## make gen/ and the stubs from proto/
	$(TOOL) buf generate
	$(TOOL) buf generate --template buf.gen.stubs.yaml
	go generate ./interop ./cmd/protoc-gen-go-mittere
	$(MAKE) -C bench generate

generate-check: ## fail if gen/ or a stub is not what proto/ generates
	@scripts/generate-check

schema: ## make the schemas of today the baseline of buf breaking
	$(TOOL) buf build --exclude-source-info --output $(SCHEMA)

fuzz: setup ## run every fuzz target (FUZZTIME=5s: length of each)
	@scripts/fuzz $(FUZZTIME)

bench: setup ## compare with gRPC and others, in processes of their own
	@$(MAKE) -C bench

bench-once: setup ## test the comparison, and run it for a moment
	@$(MAKE) -C bench test once

benchmarks: setup ## run every Go benchmark once
	go test -run '^$$' -bench . -benchtime 1x ./...

examples: ## run every example
	go test -count=1 ./examples/...

guide: ## follow docs/getting-started.md in an empty folder, as a reader does
	go test -count=1 -tags guide ./docs

interop: ## run the tests with a real dīvidere, in a Python environment of their own
	@scripts/setup interop
	@scripts/interop

# One package at a time: a load that shares its cores with another measures it.
faults: FAULT_SECONDS = 60
faults: setup ## run each load and fault test for a minute (FAULT_SECONDS=60)
	go test -count=1 -p 1 -run '$(FAULTS)' -timeout 30m ./...

ci: FAULT_SECONDS = 3
ci: ## everything that a change has to pass
	@scripts/ci

ci-full: FAULT_SECONDS = 3
ci-full: ci ## that, and all suites on libzmq too, and all pairs of kinds on all pairs of engines
	MITTERE_ENGINE=libzmq go test -tags libzmq -count=1 -race -shuffle=on -parallel 8 ./...
	@for engine in libzmq native+libzmq libzmq+native; do \
		echo "MITTERE_ENGINE=$$engine go test -run AllPairsOfEngines ./comm"; \
		MITTERE_ENGINE=$$engine go test -count=1 -run AllPairsOfEngines ./comm || exit 1; \
	done
