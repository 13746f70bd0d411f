package main

import "os"

// measure runs what is compared in turns, so that what else the machine does hits
// all alike.
func (p *program) measure(s *service, r reach, stop, abandon <-chan struct{}) (shown, error) {
	report := p.newReport(s)
	for run := 1; run <= p.runs && !isClosed(stop); run++ {
		result, err := p.once(s, r, stop, abandon)
		if err != nil {
			return nil, err
		}
		report.Runs = append(report.Runs, result)
	}
	report.finish()
	return report, nil
}

func (p *program) newReport(s *service) *report {
	report := &report{
		Workload: p.plan.workload.String(), Locks: p.locks.String(), Callers: p.callers(), Kind: "clients",
		Service: s.kind, Nodes: s.nodes,
	}
	if p.goroutines > 0 {
		report.Kind = "goroutines"
	}
	return report
}

// once measures one load, and what it is compared with.
func (p *program) once(s *service, r reach, stop, abandon <-chan struct{}) (result, error) {
	plan := p.plan
	plan.leases = p.locks == leasedLocks
	result, err := p.load(plan, s, r, stop, abandon)
	if err != nil {
		return result, err
	}
	if p.locks == bothLocks && !isClosed(stop) {
		plan.leases = true
		leases, err := p.load(plan, s, r, stop, abandon)
		if err != nil {
			return result, err
		}
		result.addLeases(leases)
	}
	if p.floor && !isClosed(stop) {
		floor, err := measureFloor(floorPlan{p.callers(), p.plan.duration, p.plan.warmUp}, stop)
		if err != nil {
			return result, err
		}
		result.addFloor(floor)
	}
	return result, nil
}

// load lets callers of their own loose.
func (p *program) load(plan plan, s *service, r reach, stop, abandon <-chan struct{}) (result, error) {
	fleet, err := p.fleet(r)
	if err != nil {
		return result{}, err
	}
	return p.loose(plan, fleet, s, stop, abandon), nil
}

// loose lets a fleet loose, which ends with it.
func (p *program) loose(plan plan, fleet *fleet, s *service, stop, abandon <-chan struct{}) result {
	defer fleet.close()
	self := os.Getpid()
	cpu := func() cpuTimes { return cpuOf(append([]int{self}, s.pids...)) }
	outcome := newLoad(plan, fleet.members).run(stop, abandon, p.show, cpu)
	result := outcome.result()
	result.addCPU(outcome.cpu, self, s.pids)
	return result
}

func (p *program) fleet(r reach) (*fleet, error) {
	if p.goroutines > 0 {
		return oneClient(r, p.goroutines)
	}
	return clientActors(r, crew{clients: p.clients})
}
