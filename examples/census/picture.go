package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/mittere/mittere/comm"
)

// introduction says what will be done, and with what.
func introduction(t *tree, o options) string {
	return fmt.Sprintf(`census of %s
  %s, %.1f MB; not followed: %s, %s
  %s; at most %s out at once, each for %v at most
  libzmq %s, %s
`,
		printable(t.root),
		plural(len(t.files), "file"), float64(t.bytes)/1e6,
		plural(t.links, "link"), plural(t.irregular, "irregular file"),
		plural(o.workers, "worker"), plural(o.out, "file"), o.patience,
		comm.Version(), runtime.Version())
}

// picture shows what runs where, and who talks to whom.
func (c *coordinator) picture(workers []int64) string {
	left := box(fmt.Sprintf("coordinator, pid %d", os.Getpid()),
		"Client     "+inside, "Broker     "+c.endpoint(), "", "Subscriber "+c.subscriber.Endpoints()[0], "Registry   "+c.names.Endpoints()[0])
	right := box("worker", fmt.Sprintf("pid %d", workers[0]), "Worker", "", "Publisher", "Server")
	arrows := []string{"", "", "-- CountRequest -->", "<- CountResponse --", "<---- Progress ----", "<---- Register ----", ""}
	var b strings.Builder
	b.WriteByte('\n')
	for i, arrow := range arrows {
		fmt.Fprintf(&b, "  %s %-19s %s\n", left[i], arrow, right[i])
	}
	if more := workers[1:]; len(more) > 0 {
		fmt.Fprintf(&b, "  and %s like it: pid %s\n", plural(len(more), "worker"), strings.Trim(fmt.Sprint(more), "[]"))
	}
	fmt.Fprintf(&b, "  mittere workers --watch --broker %s shows them while this runs\n\n", c.endpoint())
	return b.String()
}

// box draws a box around lines.
func box(title string, lines ...string) []string {
	width := len(title) + 2
	for _, line := range lines {
		width = max(width, len(line))
	}
	drawn := []string{fmt.Sprintf("+- %s %s+", title, strings.Repeat("-", width-len(title)-1))}
	for _, line := range lines {
		drawn = append(drawn, fmt.Sprintf("| %-*s |", width, line))
	}
	return append(drawn, "+"+strings.Repeat("-", width+2)+"+")
}
