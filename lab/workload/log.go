package workload

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// LimitLog returns a handler that passes at most so many records on to h and
// then one that says so: who floods a server is not to fill a disk.
func LimitLog(h slog.Handler, most int64) slog.Handler {
	left := &atomic.Int64{}
	left.Store(most)
	return limitedLog{h, left}
}

type limitedLog struct {
	slog.Handler
	left *atomic.Int64 // shared by those that WithAttrs and WithGroup made
}

// Handle passes a record on as long as there is room.
func (l limitedLog) Handle(ctx context.Context, r slog.Record) error {
	switch left := l.left.Add(-1); {
	case left < -1:
		l.left.Store(-1) // it must not wrap around
		return nil
	case left == -1:
		return l.Handler.Handle(ctx, slog.NewRecord(r.Time, slog.LevelWarn, "more than is logged", r.PC))
	}
	return l.Handler.Handle(ctx, r)
}

// WithAttrs adds attributes.
func (l limitedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return limitedLog{l.Handler.WithAttrs(attrs), l.left}
}

// WithGroup opens a group.
func (l limitedLog) WithGroup(name string) slog.Handler {
	return limitedLog{l.Handler.WithGroup(name), l.left}
}
