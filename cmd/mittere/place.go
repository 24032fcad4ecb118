package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// Where a registry and a broker are asked when none is named.
const (
	registryVariable = "MITTERE_REGISTRY"
	defaultRegistry  = "tcp://127.0.0.1:5000"
	brokerVariable   = "MITTERE_BROKER"
	defaultBroker    = "tcp://127.0.0.1:5555"
)

// globals are the flags that all commands have.
type globals struct {
	registry, broker string // endpoints

	brokered bool // the broker is asked, not the registry; valid once settled
}

// place is what a command may ask.
type place int

const (
	atEither place = iota
	atRegistry
	atBroker
)

// asking returns what checks the arguments of a command that asks there: first where
// that is, as args may depend on it.
func (g *globals) asking(where place, args cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := g.settle(cmd, where); err != nil {
			return err
		}
		return args(cmd, given)
	}
}

// settle decides whether the registry or the broker is asked: what a flag names, else
// what the environment names, else the registry at its usual place.
func (g *globals) settle(cmd *cobra.Command, where place) error {
	registry, broker := cmd.Flags().Changed("registry"), cmd.Flags().Changed("broker")
	endpoint := cmd.Flags().Changed("endpoint")
	switch {
	case where == atRegistry && broker:
		return fmt.Errorf("%q asks a registry, not a broker", cmd.Name())
	case where == atBroker && registry:
		return fmt.Errorf("%q asks a broker, not a registry", cmd.Name())
	case registry && broker:
		return errors.New("want one of --registry and --broker, got both")
	case endpoint && broker:
		return errors.New("want one of --endpoint and --broker, got both")
	}
	g.brokered = where == atBroker
	if where != atEither || registry || broker || endpoint {
		g.brokered = g.brokered || broker
		return nil
	}
	registry, broker = os.Getenv(registryVariable) != "", os.Getenv(brokerVariable) != ""
	if registry && broker {
		return fmt.Errorf("the environment has both %s and %s: want --registry or --broker", registryVariable, brokerVariable)
	}
	g.brokered = broker
	return nil
}
