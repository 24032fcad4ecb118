package zmtp_test

import (
	"fmt"
	"testing"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// BenchmarkWriteAndRead writes messages of one part and reads them again.
func BenchmarkWriteAndRead(b *testing.B) {
	keys, server := zmtp.KeyPairOf(zmtp.Key{1}), zmtp.KeyPairOf(zmtp.Key{2})
	for _, size := range []int{100, 10 << 10} {
		for name, m := range map[string][2]zmtp.Mechanism{
			"NULL":  {zmtp.Null(), zmtp.Null()},
			"CURVE": {zmtp.CurveClient(keys, server.Public), zmtp.CurveServer(server)},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				one, other := connect(b, m[0], m[1])
				room, body := make([]byte, 1<<15), make([]byte, size)
				s, d := one.Sealer(), other.Decoder(generous, func(size int) []byte { return room[:size] })
				var clear, wire []byte
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					clear = zmtp.AppendPart(clear[:0], body, false)
					out := clear
					if s != nil {
						wire = s.Seal(wire[:0], clear)
						out = wire
					}
					if _, n, err := d.Next(out); err != nil || n != len(out) {
						b.Fatal(n, err)
					}
				}
			})
		}
	}
}
