package node

import (
	"context"
	"fmt"

	"netlab/lab/workload/sql"
	"netlab/probes"
)

// A sqlSession is a connection to a database.
type sqlSession struct{ sql *sql.Client }

func (a *agent) openSQL(ctx context.Context, r StepRequest) (client, probes.Step, error) {
	s := r.Step.SQLConnect
	opened, err := sql.Connect(ctx, a.callerOf(&r.Step), sql.Spec{
		Target: r.Target, User: s.User, Password: s.Password, Database: s.Database,
	})
	if err != nil {
		return nil, probes.Step{}, err
	}
	return &sqlSession{opened}, probes.Step{}, nil
}

// step takes a step of the connection.
func (s *sqlSession) step(ctx context.Context, r StepRequest) (probes.Step, error) {
	s.sql.SetStep(r.Step.Index)
	switch step := r.Step; {
	case step.SQLRun != nil:
		result, err := s.sql.Run(ctx, step.SQLRun.Statement)
		done := probes.Step{Content: result.Content, Cut: result.Cut, Bytes: result.Bytes}
		if err == nil {
			done.Rows = &result.Rows
		}
		return done, err
	case step.SQLClose != nil:
		return probes.Step{}, s.sql.Close(ctx, closeOf(step.SQLClose.Close))
	}
	return probes.Step{}, fmt.Errorf("a connection to a database cannot do %q", r.Step.Verb)
}
