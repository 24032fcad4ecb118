package management

import (
	"context"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Descriptors returns what a server tells of its schemas.
func Descriptors(ctx context.Context, s *Server) *mitterev1.DescriptorsResponse {
	told, _ := service{s}.Descriptors(ctx, &mitterev1.DescriptorsRequest{})
	return told
}

// Histogram is what the latencies of a method are counted in.
type Histogram struct{ h histogram }

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) { h.h.add(d) }

// Quantiles returns the quantiles 50, 90 and 99, the maximum and the sum.
func (h *Histogram) Quantiles() (p50, p90, p99, longest, sum time.Duration) {
	q := h.h.quantiles()
	return time.Duration(q.GetP50Nano()), time.Duration(q.GetP90Nano()), time.Duration(q.GetP99Nano()),
		time.Duration(q.GetMaxNano()), time.Duration(q.GetSumNano())
}
