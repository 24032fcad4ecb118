package main

import (
	"os"
	"strings"
	"testing"
	"time"

	censusv1 "github.com/mittere/mittere/gen/census/v1"
)

// start is a moment at which tests begin.
var start = time.Unix(0, 0)

// after returns a moment so long after the start.
func after(d time.Duration) time.Time { return start.Add(d) }

// halfway returns a meter that is halfway through after two seconds.
func halfway() *meter {
	m := newMeter(100)
	m.began = start
	m.enter(&censusv1.Progress{Pid: 7, Files: 20, Bytes: 1e6})
	m.enter(&censusv1.Progress{Pid: 8, Files: 20, Bytes: 2e6})
	m.enter(&censusv1.Progress{Pid: 7, Files: 30, Bytes: 4e6})
	return m
}

func TestWithoutATerminalThereIsALineASecond(t *testing.T) {
	var out strings.Builder
	s := &screen{out: &out, shown: start}
	for _, tenths := range []time.Duration{0, 5, 9, 10, 15, 19, 20, 21} {
		s.show(halfway(), after(tenths*100*time.Millisecond))
	}
	const want = "   50 %  50/100 files  50 files/s  6.0 MB/s  ETA 1 s\n" +
		"   50 %  50/100 files  25 files/s  3.0 MB/s  ETA 2 s\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestOnATerminalTheBarIsDrawnInPlaceAndMakesRoomForText(t *testing.T) {
	var out strings.Builder
	s := &screen{out: &out, terminal: true}
	s.show(halfway(), after(2*time.Second))
	s.print("text\n")
	s.print("more\n")
	m := halfway()
	m.finish(8e6)
	s.end(m, after(4*time.Second))
	const want = "\r\x1b[?7l  [#######-------]  50 %  50/100 files  25 files/s  3.0 MB/s  ETA 2 s\x1b[K\x1b[?7h" +
		"\r\x1b[Ktext\nmore\n" +
		"\r\x1b[?7l  [##############] 100 %  100/100 files  25 files/s  2.0 MB/s  in 4.0 s\x1b[K\x1b[?7h\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestMeterIsNotFullBeforeTheEnd(t *testing.T) {
	m := newMeter(2)
	m.enter(&censusv1.Progress{Pid: 7, Files: 2})
	m.enter(&censusv1.Progress{Pid: 8, Files: 1}) // one of them was given to another
	if files, _ := m.done(); files != 1 || m.fraction() != 0.5 {
		t.Errorf("%d files, fraction %v; want 1, 0.5", files, m.fraction())
	}
}

func TestNullDeviceAndFilesAreNoTerminals(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	must(t, err)
	defer null.Close()
	file, err := os.Create(t.TempDir() + "/file")
	must(t, err)
	defer file.Close()
	if isTerminal(null) || isTerminal(file) || isTerminal(&strings.Builder{}) {
		t.Error("one of them is taken for a terminal")
	}
}
