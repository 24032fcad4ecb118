package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Report is all that a run tells.
type Report struct {
	// Facts is the machine.
	Facts Facts `json:"facts"`
	// Settings is how it was measured.
	Settings Settings `json:"settings"`
	// Rows is what was measured.
	Rows []Row `json:"rows"`
	// Cells are the results.
	Cells []Summary `json:"cells"`
}

// writeJSON writes the report for programs.
func (r Report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeTable writes the report for people: one table a row, then the ratios to
// the baseline.
func (r Report) writeTable(w io.Writer, baseline string) error {
	fmt.Fprintf(w, "%s\n%d rounds of %v after %v; median (min..max) over the rounds\n",
		r.Facts, r.Settings.Rounds, r.Settings.Window, r.Settings.Warm)
	for i, row := range r.Rows {
		fmt.Fprintf(w, "\n%d. %s (%s)\n\n", i+1, row.Title, row.Name)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		r.writeRow(t, row, baseline)
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// writeRow writes the lines of a row.
func (r Report) writeRow(w io.Writer, row Row, baseline string) {
	ticks := row.Pattern == PatternTicks
	head, unit := "p50 us\tp99 us", "calls/s"
	if ticks {
		head, unit = "published\treceived", "messages/s"
	}
	fmt.Fprintf(w, "system\t%s\t(min..max)\tx %s\t%s\tcpu us/op\tallocs/op\tB/op\t\n", unit, baseline, head)
	for _, c := range r.Cells {
		if c.Row == row.Name {
			fmt.Fprintln(w, c.line(ticks, baseline))
		}
	}
}

// line is one cell, in tab-separated columns.
func (s Summary) line(ticks bool, baseline string) string {
	two := fmt.Sprintf("%s\t%s", micro(s.P50), micro(s.P99))
	if ticks {
		two = fmt.Sprintf("%d\t%d", s.Published, s.Received)
	}
	return fmt.Sprintf("%s\t%.0f\t(%.0f..%.0f)\t%s\t%s\t%.1f\t%s\t%s\t", s.System, s.Rate.Median, s.Rate.Min, s.Rate.Max,
		s.ratio(baseline), two, s.CPU.Median, dash(s.Allocs, "%.1f"), dash(s.Bytes, "%.0f"))
}

// ratio is the column of the baseline.
func (s Summary) ratio(baseline string) string {
	if s.System == baseline {
		return "1.00"
	}
	return dash(s.Ratio[baseline], "%.2f")
}

// micro writes microseconds and their spread.
func micro(s Spread) string {
	return fmt.Sprintf("%.0f (%.0f..%.0f)", s.Median, s.Min, s.Max)
}

// dash writes "-" for what was not measured.
func dash(v float64, format string) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

// writeRatios writes, for one system, its rate divided by each other's.
func (r Report) writeRatios(w io.Writer, system string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	wrote := false
	for _, c := range r.Cells {
		if c.System != system || len(c.Ratio) == 0 {
			continue
		}
		if !wrote {
			fmt.Fprintf(w, "\nRate of %s divided by that of each other system, round by round, median:\n\n", system)
			wrote = true
		}
		fmt.Fprint(t, c.Row)
		for _, other := range r.Cells {
			if q, ok := c.Ratio[other.System]; ok && other.Row == c.Row {
				fmt.Fprintf(t, "\t%s %.2f", other.System, q)
			}
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// seconds turns a flag's number into a duration.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
