package faulttest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const (
	// roleVariable says what a process is.
	roleVariable = "MITTERE_TEST_ROLE"
	// taskVariable tells it the rest.
	taskVariable = "MITTERE_TEST_TASK"
	// tells begins the line with which a process says how it is.
	tells = "tells "
)

// Role is what a process does with its task until it returns.
type Role[Task any] func(Task) error

// Main runs the role that this process was started for, and ends it; it returns at once
// in the process that runs the tests. Every TestMain calls it first whose tests start
// processes.
func Main[Task any](roles map[string]Role[Task]) {
	name := os.Getenv(roleVariable)
	if name == "" {
		return
	}
	var task Task
	err := json.Unmarshal([]byte(os.Getenv(taskVariable)), &task)
	if err == nil {
		err = roles[name](task)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, name, "ended:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// UntilTerminated returns a context that ends with SIGTERM.
func UntilTerminated() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM)
}

// Tell says how the process is, in JSON, whenever [Process.Ask] asks for it.
func Tell[T any](how func() T) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			text, err := json.Marshal(how())
			if err != nil {
				panic(err)
			}
			fmt.Println(tells + string(text))
		}
	}()
}
