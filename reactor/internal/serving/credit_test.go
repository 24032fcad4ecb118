package serving

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestCreditNumbersItemsFromOne(t *testing.T) {
	c := newCredit(2)
	for want := uint64(1); want <= 2; want++ {
		if index, err := c.take(t.Context()); index != want || err != nil {
			t.Fatalf("got item %d and %v, want %d", index, err, want)
		}
	}
	if index := c.tryTake(); index != 0 || c.sent() != 2 {
		t.Errorf("without credit there is item %d, after %d", index, c.sent())
	}
}

func TestCreditThatIsGivenBackIsTakenAgain(t *testing.T) {
	c := newCredit(1)
	for range 3 {
		if index, err := c.take(t.Context()); index != 1 || err != nil {
			t.Fatalf("got item %d and %v, want 1", index, err)
		}
		c.giveBack()
	}
	if c.sent() != 0 {
		t.Errorf("%d items were sent", c.sent())
	}
}

func TestNobodyTakesMoreThanWasGiven(t *testing.T) {
	forSeeds(t, 50, func(t *testing.T, r *rand.Rand) {
		first := uint32(r.IntN(4))
		c := newCredit(first)
		given := uint64(first)
		taken := make(chan uint64)
		ctx, cancel := context.WithCancelCause(context.Background())
		go func() {
			defer close(taken)
			for {
				index, err := c.take(ctx)
				if err != nil {
					return
				}
				taken <- index
			}
		}()
		for got := uint64(0); got < 200; {
			if got == given {
				more := uint32(r.IntN(5))
				c.give(more)
				given += uint64(more)
				continue
			}
			if got++; <-taken != got {
				t.Errorf("not item %d", got)
			}
			if got > given {
				t.Errorf("item %d, and %d were allowed", got, given)
			}
		}
		cancel(errGone)
		for range taken { // what was allowed and is not awaited
		}
	})
}

func TestWaitingForCreditEndsWithTheContext(t *testing.T) {
	c := newCredit(0)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errSilent)
	if index, err := c.take(ctx); index != 0 || !errors.Is(err, errSilent) {
		t.Errorf("got item %d and %v, want the cause", index, err)
	}
	c.give(1)
	if _, err := c.take(ctx); !errors.Is(err, errSilent) {
		t.Errorf("got %v although there is credit, want the cause", err)
	}
}

func TestCreditThatIsMuchDoesNotOverflow(t *testing.T) {
	c := newCredit(1<<32 - 1)
	for range 3 {
		c.give(1<<32 - 1)
	}
	if c.left != 4*(1<<32-1) {
		t.Errorf("%d items are left", c.left)
	}
}
