package lockstep

// CutOff keeps what the client sends from leaving and what comes from arriving.
// Its own time goes on.
func (c *Client) CutOff(cut bool) { c.process.Hold(cut) }

// Kill ends the client's process without a word, as kill -9 does.
func (c *Client) Kill() {
	c.process.Root().Stop(c.ticker)
	c.process.Kill()
}
