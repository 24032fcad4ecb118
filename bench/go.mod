module github.com/mittere/mittere/bench

go 1.26.0

replace github.com/mittere/mittere => ../

require (
	github.com/pebbe/zmq4 v1.4.0
	go.uber.org/goleak v1.3.0
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)

require golang.org/x/crypto v0.59.0 // indirect

require (
	github.com/mittere/mittere v0.0.0-00010101000000-000000000000
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.44.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260817212433-ac3dfec99bb1 // indirect
	google.golang.org/grpc/cmd/protoc-gen-go-grpc v1.6.2 // indirect
)

tool google.golang.org/grpc/cmd/protoc-gen-go-grpc
