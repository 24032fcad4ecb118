package majordomo_test

import (
	"bytes"
	"testing"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/majordomo"
)

// FuzzRead has both parsers of both versions read any frames: bytes split by "|".
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"", "|", "|MDPC01|echo|hi", "|MDPC01|echo", "|MDPC01", "MDPC02|\x02|echo|part", "MDPC02|\x03|echo|", "MDPC02|\x04|echo|",
		"|MDPW01|\x02|address||body", "|MDPW01|\x02|address|body", "|MDPW01|\x04", "|MDPW01|\x05", "|MDPW01|\x05|more", "|MDPW01|\x00",
		"MDPW02|\x02|address||a|b", "MDPW02|\x05", "MDPW02|\x06", "MDPW02|", "MDPW02|\x02\x02",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		frames := bytes.Split(text, []byte("|"))
		for _, v := range []majordomo.Version{majordomo.V1, majordomo.V2} {
			_, _, body, err := majordomo.ReadReply(v, frames)
			check(t, body, err, true)
			address, body, err := majordomo.ReadCommand(v, frames)
			check(t, body, err, address != nil)
		}
	})
}

// check checks that a parser returns either an error of its type or a body.
func check(t *testing.T, body [][]byte, err error, wantBody bool) {
	t.Helper()
	if err != nil {
		if messaging.CodeOf(err) != messaging.InvalidArgument {
			t.Errorf("error %v", err)
		}
		return
	}
	if wantBody != (len(body) > 0) {
		t.Errorf("body %q", body)
	}
}

func TestFramesOfABrokerAreRead(t *testing.T) {
	for text, want := range map[string]bool{
		"|MDPC01|echo|hi": true, "|MDPC01|echo": true, "|MDPC01": false, "MDPC01|echo|hi": false, "|MDPC02|\x03|echo|hi": false,
	} {
		if _, _, _, err := majordomo.ReadReply(majordomo.V1, bytes.Split([]byte(text), []byte("|"))); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]bool{
		"MDPW02|\x02|a||b": true, "MDPW02|\x02|a|b": false, "MDPW02|\x05": true, "MDPW02|\x06": true, "MDPW02|\x01|echo": false, "MDPW02|\x04|a||b": false,
	} {
		if _, _, err := majordomo.ReadCommand(majordomo.V2, bytes.Split([]byte(text), []byte("|"))); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
