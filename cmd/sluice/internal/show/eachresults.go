package show

import (
	"encoding/xml"
	"fmt"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"sluice/cmd/sluice/internal/text"
)

// sarif joins the reports of all clusters: each is a run with an id, by which code scanning tells them apart. One that
// failed says so; of one that was skipped there is none.
func (e *EachCluster) sarif() error {
	all := sarif.NewReport()
	for i := range e.all {
		of := &e.all[i]
		if of.Skipped != "" {
			continue
		}
		runs := []*sarif.Run{sarif.NewRunWithInformationURI("sluice", "")}
		runs[0].Tool.Driver.InformationURI = nil
		if len(of.text) > 0 {
			one, err := sarif.FromBytes(of.text)
			if err != nil {
				return fmt.Errorf("join the results of cluster %s: %w", text.Printable(of.Cluster, 100), err)
			}
			runs = one.Runs
		}
		for _, run := range runs {
			id := "sluice/" + text.Printable(of.Cluster, 100) + "/"
			run.WithAutomationDetails(sarif.NewRunAutomationDetails().WithID(id))
			if of.failed {
				why := sarif.NewNotification().WithLevel("error").WithMessage(sarif.NewTextMessage(of.Error))
				run.AddInvocation(sarif.NewInvocation().WithExecutionSuccessful(false).
					WithToolExecutionNotifications([]*sarif.Notification{why}))
			}
			all.AddRun(run)
		}
	}
	return all.PrettyWrite(e.w)
}

// junit joins the reports of all clusters: each check of each is a suite. One that failed is a test that fails, one
// that was skipped a test that was.
func (e *EachCluster) junit() error {
	all := junitSuites{Name: "sluice"}
	for i := range e.all {
		of := &e.all[i]
		name := text.Printable(of.Cluster, 100)
		var one junitSuites
		if len(of.text) > 0 {
			if err := xml.Unmarshal(of.text, &one); err != nil {
				return fmt.Errorf("join the results of cluster %s: %w", name, err)
			}
			all.Name = one.Name
		}
		for _, s := range one.Suites {
			s.Name = name + ": " + s.Name
			all.add(s)
		}
		switch {
		case of.Skipped != "":
			c := junitCase{Class: "sluice", Name: name, Skipped: &junitMessage{"skipped", of.Skipped}}
			all.add(junitSuite{Name: name, Tests: 1, Skipped: 1, Cases: []junitCase{c}})
		case of.failed:
			c := junitCase{Class: "sluice", Name: name, Failure: &junitMessage{"not judged", of.Error}}
			all.add(junitSuite{Name: name, Tests: 1, Failures: 1, Cases: []junitCase{c}})
		}
	}
	return all.write(e.w)
}
