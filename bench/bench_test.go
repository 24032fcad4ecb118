package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestHistogramIsWithinOnePercent(t *testing.T) {
	for d := time.Duration(1); d < time.Hour; d = d*5/4 + 1 {
		got := middle(bucket(d))
		if off := float64(got-d) / float64(d); off > 0.01 || off < -0.01 {
			t.Errorf("%d comes back as %d", d, got)
		}
	}
}

func TestHistogramsMergeAndTellQuantiles(t *testing.T) {
	var all Histogram
	for i := range 100 {
		var one Histogram
		one.Add(time.Duration(i) * time.Millisecond)
		all.Merge(&one)
	}
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 50 * time.Millisecond, 0.99: 99 * time.Millisecond} {
		if got := all.Quantile(q); got < want*99/100 || got > want*101/100 {
			t.Errorf("quantile %v is %v, want about %v", q, got, want)
		}
	}
	if got := new(Histogram).Quantile(0.5); got != 0 {
		t.Errorf("nothing has the median %v", got)
	}
}

func TestTaskSurvivesTheCommandLine(t *testing.T) {
	want := Task{
		Pattern: PatternEcho, Role: RoleCall, InFlight: 128, Warm: time.Millisecond,
		Window: 2 * time.Second, Size: 100, Endpoint: "tcp://127.0.0.1:1", Profile: "x",
	}
	got, err := parseTask(want.args())
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := parseTask([]string{"echo"}); err == nil {
		t.Error("one word is a task")
	}
}

func TestTallyGetsWhatFeedGives(t *testing.T) {
	task := Task{Size: 100, Warm: 5 * time.Millisecond, Window: 20 * time.Millisecond}
	var sent Result
	feed, tally := newFeed(task, func(r Result) { sent = r }), newTally(task)
	done := false
	for b := feed.Next(); b != nil; b = feed.Next() {
		done = tally.Add(b)
	}
	got := tally.result()
	if !done || sent.Total == 0 || got.Total != sent.Total || got.Lost != 0 {
		t.Errorf("done %v, sent %+v, got %+v", done, sent, got)
	}
	if got.Ops == 0 || got.Ops >= got.Total {
		t.Errorf("%d of %d in the window", got.Ops, got.Total)
	}
}

func TestTallyCountsWhatIsMissing(t *testing.T) {
	feed, tally := newFeed(Task{Size: 8, Window: time.Hour}, nil), newTally(Task{})
	for i := range 10 {
		if b := feed.Next(); i != 3 && i != 7 {
			tally.Add(b)
		}
	}
	if got := tally.result(); got.Lost != 2 || got.Total != 8 {
		t.Errorf("got %+v", got)
	}
	if err := account(Result{Ops: 1, Total: 8}, 10, Row{Pattern: PatternTicks}); err == nil {
		t.Error("a loss is no error")
	}
}

func TestPipelineKeepsSoManyInFlight(t *testing.T) {
	wire, most := make(chan []byte, 1000), 0
	m := newMeter(Task{InFlight: 16, Size: 100, Window: 20 * time.Millisecond})
	err := m.Pipeline(
		func(b []byte) error { wire <- slices.Clone(b); most = max(most, len(wire)); return nil },
		func() ([]byte, error) { return <-wire, nil })
	if r := m.result(); err != nil || most != 16 || r.Ops == 0 || r.P50 <= 0 || r.P99 < r.P50 {
		t.Errorf("at most %d in flight, %+v, %v", most, r, err)
	}
}

func TestWorkersStopAtTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	m := newMeter(Task{InFlight: 4, Window: time.Hour})
	err := m.Workers(t.Context(), func() func(context.Context) error {
		n := 0
		return func(ctx context.Context) error {
			if n++; n > 3 {
				return broken
			}
			return ctx.Err()
		}
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestRatiosPairTheRounds(t *testing.T) {
	cell := func(system string, rates ...float64) *Cell {
		c := &Cell{Row: "r", System: system}
		for _, rate := range rates {
			c.Samples = append(c.Samples, Sample{Rate: rate})
		}
		return c
	}
	all := summarize([]*Cell{cell("a", 2, 20, 60), cell("b", 1, 10, 20), cell("c", 1), cell("none")})
	if len(all) != 3 || all[0].Ratio["b"] != 2 || all[0].Rate != (Spread{20, 2, 60}) {
		t.Errorf("got %+v", all)
	}
	if _, ok := all[0].Ratio["c"]; ok {
		t.Error("rounds without a pair have a ratio")
	}
}

func TestRowsArePickedByNameAndNumber(t *testing.T) {
	rows, err := pickRows("publish,1")
	if err != nil || len(rows) != 2 || rows[0].Name != "publish" || rows[1].Name != "request-1" {
		t.Errorf("got %v, %v", rows, err)
	}
	for _, bad := range []string{"0", "5", "x", ","} {
		if _, err := pickRows(bad); err == nil {
			t.Errorf("%q is a row", bad)
		}
	}
}

func TestOptionsRefuseNonsense(t *testing.T) {
	for _, bad := range []string{"-o=xml", "-rounds=0", "-seconds=0", "-system=none", "-row=none"} {
		if _, err := parseOptions([]string{bad}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestTableNamesEverySystemAndTheBaseline(t *testing.T) {
	r := Report{Rows: allRows()[:1], Cells: summarize([]*Cell{
		{Row: "request-1", System: "mittere", Samples: []Sample{{Rate: 300, Result: Result{P50: 7}}}},
		{Row: "request-1", System: "grpc", Samples: []Sample{{Rate: 100}}},
	})}
	var b strings.Builder
	if err := errors.Join(r.writeTable(&b, "grpc"), r.writeRatios(&b, "mittere")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"x grpc", "3.00", "7 (7..7)", "request-1  grpc 3.00"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// childEnv makes this test binary a child that never ends by itself.
const childEnv = "BENCH_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		ready("nowhere")
		untilParentEnds(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestChildEndsWithItsStandardInput(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	p, err := start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if endpoint, err := p.expect(t.Context(), "ready"); err != nil || endpoint != "nowhere" {
		t.Errorf("got %q, %v", endpoint, err)
	}
	if _, err := p.stop(); err != nil {
		t.Error(err)
	}
}

func TestMittereAndItsBaselineTakeEveryRow(t *testing.T) {
	picked, err := pickSystems(systems(), "mittere,grpc")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range allRows() {
		if got := takers(picked, row); len(got) != 2 {
			t.Errorf("%s: %d systems", row.Name, len(got))
		}
	}
}
