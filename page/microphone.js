// The microphone comes in, chunks of 16-bit samples go to Python (page/live.py), and what Python
// says of them is drawn: loudness at once, the score when it is known.
//
// One chunk is on its way at a time. Python repeats its number when it has heard it.

const SHOWN_S = 10
const SEND_EVERY_MS = 250
const SEND_AGAIN_MS = 5000
const MOST_WAITING_S = 50
const LOWEST = 0.0005, HIGHEST = 0.9999  // as in sound_charts.py
const WORKLET = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true }
})`

const kept = new WeakMap()

export default function ({ parentElement, data, setStateValue }) {
  let microphone = kept.get(parentElement)
  if (!microphone) {
    microphone = new Microphone(parentElement)
    kept.set(parentElement, microphone)
  }
  microphone.send = chunk => setStateValue("chunk", chunk)
  microphone.hear(data)
  return () => { microphone.leave(); kept.delete(parentElement) }
}

class Microphone {
  constructor(root) {
    this.box = root.querySelector(".microphone")
    this.button = root.querySelector(".press")
    this.clock = root.querySelector(".clock")
    this.canvas = root.querySelector("canvas")
    this.said = root.querySelector(".said")
    this.button.onclick = () => (this.running ? this.stop() : this.start())
    this.button.setAttribute("aria-pressed", "false")
    this.running = false
    this.waiting = null
  }

  async start() {
    this.tell("")
    if (!navigator.mediaDevices || !window.AudioWorkletNode) {
      this.tell("This browser gives no microphone to this page. Open it on the machine it runs on, "
        + "as http://127.0.0.1, or over https; or choose a recording.", true)
      return
    }
    const wanted = { channelCount: 1, echoCancellation: false, noiseSuppression: false,
      autoGainControl: false }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: wanted })
      await this.open()
    } catch (error) {
      this.release()
      const why = error.name === "NotAllowedError"
        ? "The browser was told not to give the microphone. Allow it beside the address."
        : error.name === "NotFoundError" ? "No microphone was found. Connect one, then start again."
        : `The microphone could not be opened (${error.message}).`
      this.tell(why, true)
      return
    }
    this.session = crypto.randomUUID ? crypto.randomUUID() : String(Math.random())
    this.number = this.samples = this.unsent = 0
    this.blocks = []
    this.waiting = this.threshold = null
    this.loud = []
    this.scores = []
    this.detections = []
    this.rate_hz = this.context.sampleRate
    this.ending = false
    this.running = true
    this.button.textContent = "Stop"
    this.button.setAttribute("aria-pressed", "true")
    this.box.classList.add("open")
    this.timer = setInterval(() => this.pump(), SEND_EVERY_MS)
    requestAnimationFrame(() => this.draw())
  }

  async open() {
    try {
      this.context = new AudioContext({ sampleRate: 16000 })
      this.source = this.context.createMediaStreamSource(this.stream)
    } catch {  // Firefox joins only equal rates: Python resamples then
      this.context?.close()
      this.context = new AudioContext()
      this.source = this.context.createMediaStreamSource(this.stream)
    }
    const module = URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }))
    await this.context.audioWorklet.addModule(module)
    URL.revokeObjectURL(module)
    const tap = new AudioWorkletNode(this.context, "tap", { numberOfOutputs: 0, channelCount: 1,
      channelCountMode: "explicit" })
    tap.port.onmessage = event => this.take(event.data)
    this.source.connect(tap)
    await this.context.resume()
  }

  take(block) {
    if (!this.running) return
    this.blocks.push(block)
    this.unsent += block.length
    this.samples += block.length
    let peak = 0
    for (const value of block) peak = Math.max(peak, Math.abs(value))
    this.loud.push([this.samples / this.rate_hz, peak])
    if (this.unsent > MOST_WAITING_S * this.rate_hz) {
      this.stop()
      this.tell("The page did not answer for a long time. Is Watchword still running?", true)
    }
  }

  pump() {
    const now = performance.now()
    if (this.waiting) {
      if (now - this.asked > SEND_AGAIN_MS) this.ask({ ...this.waiting, asked: now })
      return
    }
    if (!this.unsent && !this.ending) return
    this.number += 1
    this.waiting = { session: this.session, number: this.number, last: this.ending,
      rate_hz: this.rate_hz, pcm: encode(this.blocks) }
    this.blocks = []
    this.unsent = 0
    this.ask(this.waiting)
  }

  ask(chunk) {
    this.asked = performance.now()
    this.send(chunk)
  }

  hear(answer) {
    if (!answer?.session || answer.session !== this.session) return
    if (this.waiting && answer.number >= this.waiting.number) {
      if (this.waiting.last) clearInterval(this.timer)
      this.waiting = null
    }
    answer.scores.forEach((score, at) => { this.scores[answer.first_step + at] = score })
    this.step_s = answer.step_s
    this.first_s = answer.first_s
    this.threshold = answer.threshold
    if (answer.detections.length > this.detections.length) {
      const [time_s, score] = answer.detections.at(-1)
      this.tell(`Heard “${answer.phrase}” at ${time_s.toFixed(1)} s, score ${score.toFixed(3)}. `
        + `${answer.detections.length} so far.`)
    }
    this.detections = answer.detections
    if (answer.ended) {
      clearInterval(this.timer)
      this.stop()
    }
  }

  stop() {
    if (!this.running) return
    this.running = false
    this.ending = true
    this.pump()
    this.release()
    this.button.textContent = "Start listening"
    this.button.setAttribute("aria-pressed", "false")
  }

  leave() {
    this.running = false
    clearInterval(this.timer)
    this.release()
  }

  release() {
    this.stream?.getTracks().forEach(track => track.stop())
    this.context?.close()
    this.stream = this.context = null
  }

  tell(text, fault = false) {
    this.said.textContent = text
    this.said.classList.toggle("fault", fault)
  }

  draw() {
    if (!this.running) return
    const now_s = this.samples / this.rate_hz
    this.clock.textContent = `${Math.floor(now_s / 60)}:${String(Math.floor(now_s % 60)).padStart(2, "0")}`
    const scale = window.devicePixelRatio || 1
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight
    if (this.canvas.width !== Math.round(width * scale)) {
      this.canvas.width = Math.round(width * scale)
      this.canvas.height = Math.round(height * scale)
    }
    const pen = this.canvas.getContext("2d")
    pen.setTransform(scale, 0, 0, scale, 0, 0)
    pen.clearRect(0, 0, width, height)
    const start_s = Math.max(0, now_s - SHOWN_S)
    const x = time_s => (time_s - start_s) / SHOWN_S * width
    const y = score => height - 6 - (height - 12) * position(score)
    while (this.loud.length && this.loud[0][0] < start_s) this.loud.shift()
    pen.fillStyle = "#0f8f83"
    pen.globalAlpha = 0.35
    for (const [time_s, peak] of this.loud) {
      const tall = Math.max(1, Math.sqrt(peak) * height)
      pen.fillRect(x(time_s), (height - tall) / 2, 1.5, tall)
    }
    pen.globalAlpha = 1
    if (this.threshold !== null) {
      pen.strokeStyle = "#d9480f"
      pen.setLineDash([6, 4])
      line(pen, [[0, y(this.threshold)], [width, y(this.threshold)]])
      pen.setLineDash([])
      for (const [time_s] of this.detections) line(pen, [[x(time_s), 0], [x(time_s), height]])
      pen.strokeStyle = "#6d6ff0"
      pen.lineWidth = 2
      const first = Math.max(0, Math.floor((start_s - this.first_s) / this.step_s))
      const points = []
      for (let step = first; step < this.scores.length; step++)
        if (this.scores[step] !== undefined)
          points.push([x(this.first_s + step * this.step_s), y(this.scores[step])])
      line(pen, points)
      pen.lineWidth = 1
    }
    requestAnimationFrame(() => this.draw())
  }
}

// 0 to 1 on the scale of the charts below: thresholds of good detectors lie near 1.
function position(score) {
  const logit = value => Math.log(value / (1 - value))
  const inside = Math.min(Math.max(score, LOWEST), HIGHEST)
  return (logit(inside) - logit(LOWEST)) / (logit(HIGHEST) - logit(LOWEST))
}

function line(pen, points) {
  pen.beginPath()
  points.forEach(([x, y], at) => (at ? pen.lineTo(x, y) : pen.moveTo(x, y)))
  pen.stroke()
}

function encode(blocks) {
  const samples = new Int16Array(blocks.reduce((sum, block) => sum + block.length, 0))
  let at = 0
  for (const block of blocks)
    for (const value of block) samples[at++] = Math.round(Math.min(Math.max(value, -1), 1) * 32767)
  const bytes = new Uint8Array(samples.buffer)
  let text = ""
  for (let start = 0; start < bytes.length; start += 0x8000)
    text += String.fromCharCode(...bytes.subarray(start, start + 0x8000))
  return btoa(text)
}
