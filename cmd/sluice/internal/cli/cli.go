// Package cli holds the commands of sluice, a file each: flags become options, options a run of what package run and
// package collect do, the result is handed to package show, and an error becomes an exit code (exit.go). DESIGN.md has
// ten steps to a new command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
)

// grace is how long a signal may be repeated and still ask for no more than a stop in good order: timeout(1) sends it
// twice.
const grace = time.Second

// Main runs the command line and gives the exit code. It stops in good order on SIGINT and SIGTERM, at once on another
// one after grace.
func Main(args []string, in io.Reader, out, errw io.Writer) ExitCode {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { time.AfterFunc(grace, stop) })
	var prof profiles
	gate, log := text.NewGate(out), text.NewGate(errw)
	defer log.Close()
	root := newRoot(Streams{in, gate, log}, &prof)
	name := calledAs(os.Args[0])
	call(root, name)
	root.SetArgs(args)
	c, err := execute(ctx, root, args)
	lost := gate.Close()
	if !errors.Is(err, lost) {
		err = errors.Join(err, lost)
	}
	if err = errors.Join(err, prof.stop()); err == nil {
		return ExitOK
	}
	code := exitCode(err)
	if lost != nil {
		code = ExitError // whatever was found, it is not all there
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err, code = errors.New("interrupted"), stopped(ctx)
	}
	for line := range strings.Lines(inLine(err, args)) {
		fmt.Fprintln(
			log,
			name+": "+text.Printable(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "  "), 2000),
		)
	}
	if code == ExitUsage {
		fmt.Fprintf(log, "See '%s --help'.\n", c.CommandPath())
	}
	return code
}

// inLine is the text of an error, in which the names of files and what the user gave end no line.
func inLine(err error, args []string) string {
	said := err.Error()
	for _, arg := range args {
		for _, before := range []string{"", "=", ":"} { // of --flag=NAME, store:NAME
			_, name, _ := strings.Cut(arg, before)
			said = printed(said, name)
		}
	}
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		said = printed(said, at.Path)
	}
	return said
}

// printed makes a name printable wherever a text has it.
func printed(text, name string) string {
	if !strings.Contains(name, "\n") || strings.TrimSpace(name) == "" {
		return text
	}
	return strings.ReplaceAll(text, name, model.Printable(name))
}

// Root returns the commands as their documentation needs them. It is not to be run: Main is.
func Root() *cobra.Command {
	root := newRoot(Streams{strings.NewReader(""), io.Discard, io.Discard}, &profiles{})
	// What follows from the machine would make the pages those of one machine.
	defaults(root, "workers", "the number of processors")
	return root
}

// defaults shows a text as the default of a flag of all commands.
func defaults(c *cobra.Command, flag, text string) {
	if f := c.Flags().Lookup(flag); f != nil {
		f.DefValue = text
	}
	for _, sub := range c.Commands() {
		defaults(sub, flag, text)
	}
}

func newRoot(s Streams, prof *profiles) *cobra.Command {
	colour := show.ColourAuto
	root := &cobra.Command{
		Use:   "sluice",
		Short: "Learn the allow policies a cluster needs from its flow logs",
		Long: `sluice reads the flow logs that a Kubernetes cluster already writes (Cilium Hubble, Calico) and learns the
allow policies that must exist before a namespace is switched to default-deny. It proves them against everything it
has seen. It changes nothing in the cluster.

Exit codes: 0 fine, 1 error, 2 usage, 3 the result asks for attention (--fail-on), 130 and 143 interrupted.`,
		Example: `  sluice learn flows.jsonl -n shop --out bundle      # policies from a log, replayed against it: read bundle/REVIEW.md
  sluice learn -P -n shop --for 1h --out bundle      # ... from the Hubble relay of the kubeconfig's cluster
  sluice doctor flows.jsonl                          # what this log can show, and what it cannot
  sluice verify bundle more.jsonl                    # would anything be lost, by newer flows?`,
		SilenceErrors: true, SilenceUsage: true,
		Version: version(),
		PersistentPreRunE: func(c *cobra.Command, args []string) error {
			giveBackStart()
			if err := notEmpty(c, args); err != nil {
				return err
			}
			if o := c.Flags().Lookup("output"); o == nil || o.Value.String() == show.Table {
				if err := show.Colour(s.Out, colour); err != nil {
					return err
				}
			}
			return prof.start()
		},
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetVersionTemplate("sluice {{.Version}}\n")
	root.PersistentFlags().StringVar(&colour, "color", colour, "colour the words that tell good from bad: auto, always, never")
	root.PersistentFlags().StringVar(&prof.cpu, "cpuprofile", "", "write a CPU profile to `FILE`")
	root.PersistentFlags().StringVar(&prof.mem, "memprofile", "", "write a heap profile to `FILE`")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &run.Usage{Err: flagError(c, err)} })
	root.AddCommand(
		newLearn(s),
		newIngest(s),
		newPull(s),
		newInstall(s),
		newVerify(s),
		newReady(s),
		newBacktest(s),
		newShow(s),
		newExplain(s),
		newDiff(s),
		newReview(s),
		newPropose(s),
		newLint(s),
		newDoctor(s),
		newStore(s),
		newVersion(s),
	)
	root.SetHelpCommand(newHelp())
	_ = root.RegisterFlagCompletionFunc("color",
		cobra.FixedCompletions(show.Colours(), cobra.ShellCompDirectiveNoFileComp))
	markUsage(root)
	completeFlags(root)
	return root
}

// markUsage makes wrong numbers of arguments and unknown sub-commands usage errors.
func markUsage(c *cobra.Command) {
	if args := c.Args; args != nil {
		c.Args = func(cmd *cobra.Command, a []string) error {
			err := args(cmd, a)
			if err == nil {
				return nil
			}
			if strings.Contains(err.Error(), "arg(s)") { // cobra counts, and does not say of what
				err = fmt.Errorf("the arguments do not fit: %s given, and it is '%s'",
					text.Plural(len(a), "is", "are"), strings.TrimSuffix(cmd.UseLine(), " [flags]"))
			}
			return &run.Usage{Err: err}
		}
	} else if c.HasSubCommands() {
		c.Args = func(cmd *cobra.Command, a []string) error {
			if len(a) > 0 {
				var names []string
				for _, sub := range cmd.Commands() {
					names = append(names, sub.Name())
				}
				return run.Usagef("unknown command %q for %q%s", a[0], cmd.CommandPath(), meant(a[0], names))
			}
			return nil
		}
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range c.Commands() {
		markUsage(sub)
	}
}

// newHelp makes the command help, which tells where there is no such command.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err == nil && len(rest) > 0 {
				var names []string
				for _, sub := range about.Commands() {
					names = append(names, sub.Name())
				}
				err = fmt.Errorf("no help about %q: %q has no such command%s", rest[0], about.CommandPath(), meant(rest[0], names))
			}
			if err != nil {
				return &run.Usage{Err: err}
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// meant asks whether another word was meant.
func meant(word string, of []string) string {
	if near := text.Nearest(word, of); near != "" {
		return fmt.Sprintf(": did you mean %s?", near)
	}
	return ""
}

// flagValues are what flags take that the library reads, by their types.
var flagValues = map[string]string{"int": "a whole number", "uint64": "a whole number from 0 on",
	"duration": "a duration such as 30s or 1h", "bool": "true or false"}

// flagError says of an error what a flag takes, or for a flag that is not there which may have been meant.
func flagError(c *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		if want := flagValues[invalid.GetFlag().Value.Type()]; want != "" {
			return fmt.Errorf("--%s %q: want %s", invalid.GetFlag().Name, invalid.GetValue(), want)
		}
		return err
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return fmt.Errorf("%w%s", err, meant("--"+unknown.GetSpecifiedName(), names))
}

// profiles are the pprof flags that every command has.
type profiles struct {
	cpu, mem string
	file     *os.File
}

func (p *profiles) start() error {
	if p.cpu == "" {
		return nil
	}
	f, err := os.Create(p.cpu)
	if err != nil {
		return err
	}
	p.file = f
	return pprof.StartCPUProfile(f)
}

func (p *profiles) stop() error {
	if p.file != nil {
		pprof.StopCPUProfile()
		if err := p.file.Close(); err != nil {
			return err
		}
	}
	if p.mem == "" {
		return nil
	}
	f, err := os.Create(p.mem)
	if err != nil {
		return err
	}
	defer f.Close()
	runtime.GC()
	return pprof.WriteHeapProfile(f)
}
