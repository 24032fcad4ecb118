// Package interop tests Mittere against real peers: programs that use dīvidere
// 2.2.0, Majordomo's clients, workers and broker, and the sockets of pyzmq, run by
// Python. It stands above all layers, is imported by none, and has tests only. Those
// with a peer need Python and so a build tag, interop: make interop runs them. The
// others hold docs/dividere.md to the code.
//
// A test starts a Python process (python/peer.py; python/zmqpeer.py for sockets
// without envelopes) that does what the test commands, one line of JSON after the
// other, and is a peer of it on the wire.
// The messages of both ends come from proto/messages.binpb: Go reads it with
// dynamicpb, so that no type without a package enters protobuf's global
// registry, and Python enters it into the pool where dīvidere looks.
package interop

// The image holds the schemas of proto/ here, what they meet of Mittere's own,
// and dīvidere's messages.
//
//go:generate go -C .. tool -modfile=tools/go.mod buf build --config "{\"version\":\"v2\",\"modules\":[{\"path\":\"proto\"},{\"path\":\"interop/proto\"}]}" --path interop/proto/plain.proto --path interop/proto/packaged.proto --path proto/mittere/v1/status.proto --path proto/mittere/test --path proto/dividere --exclude-source-info --as-file-descriptor-set -o interop/proto/messages.binpb
