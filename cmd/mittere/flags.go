package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// hinted returns an error of flags, with the flag that is meant where another program
// has a name of its own for it.
func hinted(err error) error {
	for _, other := range []string{"--json", "--format"} {
		if strings.HasSuffix(err.Error(), "unknown flag: "+other) {
			return fmt.Errorf("%w; for JSON it is -o json", err)
		}
	}
	return err
}

// choice is a flag that has one of a few values.
type choice struct {
	value string
	all   []string
}

// Set sets the value.
func (c *choice) Set(value string) error {
	if !slices.Contains(c.all, value) {
		return fmt.Errorf("want %s", c.Type())
	}
	c.value = value
	return nil
}

// String returns the value.
func (c *choice) String() string { return c.value }

// Type returns what help calls the value.
func (c *choice) Type() string { return strings.Join(c.all, "|") }

// addFormat adds the flag that says how to print; the first format is the default.
func addFormat(cmd *cobra.Command, formats ...string) *choice {
	c := &choice{formats[0], formats}
	cmd.Flags().VarP(c, "output", "o", "how to print")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// duration is a flag with a time that is not negative.
type duration time.Duration

// Set sets the value.
func (d *duration) Set(text string) error {
	value, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("want a duration such as 300ms, 5s or 2m")
	}
	if value < 0 {
		return errors.New("want one that is not negative")
	}
	*d = duration(value)
	return nil
}

// String returns the value.
func (d *duration) String() string { return time.Duration(*d).String() }

// Type returns what help calls the value.
func (d *duration) Type() string { return "duration" }

// addDuration adds a flag with a time.
func addDuration(cmd *cobra.Command, name string, value time.Duration, usage string) *duration {
	d := duration(value)
	cmd.Flags().Var(&d, name, usage)
	return &d
}

// positive is a flag with a number that is 1 at least.
type positive int

// Set sets the value.
func (n *positive) Set(text string) error {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		return errors.New("want a number from 1 on")
	}
	*n = positive(value)
	return nil
}

// String returns the value.
func (n *positive) String() string { return strconv.Itoa(int(*n)) }

// Type returns what help calls the value.
func (n *positive) Type() string { return "number" }

// pairs is a flag with a key and a value, which may be given several times.
type pairs map[string]string

// Set adds a pair.
func (p pairs) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return errors.New("want key=value")
	}
	p[key] = value
	return nil
}

// String returns nothing, since that is the default.
func (p pairs) String() string { return "" }

// Type returns what help calls the value.
func (p pairs) Type() string { return "key=value" }
