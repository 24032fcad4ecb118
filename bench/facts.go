package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	zmq "github.com/pebbe/zmq4"
	"google.golang.org/grpc"

	"github.com/mittere/mittere/comm"
)

// Facts is what the figures depend on beside the systems.
type Facts struct {
	// Cores is how many processors this process may use.
	Cores int `json:"cores"`
	// CPU is the name of the processor, if the system tells it.
	CPU string `json:"cpu,omitempty"`
	// Kernel is the system's name and release.
	Kernel string `json:"kernel"`
	// Go is the version of Go that built this program.
	Go string `json:"go"`
	// Engine is what carries the messages of Mittere's systems, with its version.
	Engine string `json:"engine"`
	// Libzmq is the version of libzmq that is loaded.
	Libzmq string `json:"libzmq"`
	// GRPC is the version of grpc-go.
	GRPC string `json:"grpc"`
}

// newFacts looks around.
func newFacts(ctx context.Context) Facts {
	major, minor, patch := zmq.Version()
	kernel, err := exec.CommandContext(ctx, "uname", "-srm").Output()
	if err != nil {
		kernel = []byte(runtime.GOOS)
	}
	return Facts{
		Cores: runtime.NumCPU(), CPU: cpuName(), Kernel: strings.TrimSpace(string(kernel)),
		Go: runtime.Version(), GRPC: grpc.Version,
		Libzmq: fmt.Sprintf("%d.%d.%d", major, minor, patch), Engine: engineName(),
	}
}

// engineName names the engine that comm takes where it is told none.
func engineName() string {
	e, err := comm.DefaultEngine()
	if err != nil {
		return err.Error()
	}
	return e.Name() + " " + e.Version()
}

// cpuName reads the processor's name where Linux keeps it.
func cpuName() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// String is the head of the table.
func (f Facts) String() string {
	return fmt.Sprintf("%d cores (%s), %s, %s, engine %s, libzmq %s, grpc-go %s", f.Cores, f.CPU, f.Kernel, f.Go, f.Engine, f.Libzmq, f.GRPC)
}
