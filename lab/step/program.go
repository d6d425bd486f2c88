package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

// Play lets a user step a lab at a terminal, until the user quits or ctx ends.
// in and out are the terminal; it is left as it was found. When Play returns
// nil frames may still wait. [ErrInterrupted] says that the run is to be
// broken off.
func Play(ctx context.Context, lab Lab, in io.Reader, out io.Writer, o Options) error {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	p := &program{model: newModel(o, false), acts: make(chan act, 1)}
	// Signals are the command's, which ends ctx.
	t := tea.NewProgram(p, tea.WithContext(inner), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler())
	var hands sync.WaitGroup
	hands.Go(func() { watch(inner, lab, t) })
	hands.Go(func() { p.act(inner, lab, t) })
	_, err := t.Run()
	stop()
	hands.Wait()
	switch {
	case p.interrupted:
		return ErrInterrupted
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && !errors.Is(err, context.Canceled):
		return fmt.Errorf("terminal: %w", err)
	}
	return nil
}

// tick is how often timers are looked at again, of which nothing tells that
// they run.
const tick = time.Second

// watch tells the program of every view, until ctx ends or the lab fails.
func watch(ctx context.Context, lab Lab, t *tea.Program) {
	for {
		v, err := lab.View(ctx)
		if err == nil {
			t.Send(v)
			soon, cancel := context.WithTimeout(ctx, tick)
			err = lab.Wait(soon, v.Number)
			if soon.Err() != nil {
				err = nil
			}
			cancel()
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.Send(failed{err})
			return
		}
	}
}

// act does what the model asks for, one after the other.
func (p *program) act(ctx context.Context, lab Lab, t *tea.Program) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-p.acts:
			t.Send(done{a, a.perform(ctx, lab)})
		}
	}
}

// A program is the model at a terminal.
type program struct {
	*model
	acts chan act // one at most is under way
}

// Init has nothing to do: views come by themselves.
func (p *program) Init() tea.Cmd { return nil }

// Update takes in what the terminal and the lab say.
func (p *program) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		p.update(size{msg.Width, msg.Height})
	case tea.KeyPressMsg:
		p.update(key{name: msg.String(), text: msg.Key().Text})
	case tea.PasteMsg:
		if p.mode == asking {
			p.update(key{text: msg.Content})
		}
	case View, done, failed:
		p.update(msg)
	}
	if a, ok := p.take(); ok {
		p.acts <- a // there is room: nothing else is under way
	}
	if p.quit {
		return p, tea.Quit
	}
	return p, nil
}

// View draws the screen.
func (p *program) View() tea.View {
	looks := map[look]lipgloss.Style{
		heading: lipgloss.NewStyle().Bold(true), selected: lipgloss.NewStyle().Reverse(true),
	}
	var b strings.Builder
	for i, l := range p.screen() {
		if i > 0 {
			b.WriteByte('\n')
		}
		if style, ok := looks[l.look]; ok && !p.Plain {
			b.WriteString(style.Render(l.text))
			continue
		}
		b.WriteString(l.text)
	}
	v := tea.NewView(b.String())
	v.AltScreen = true
	return v
}
