// Alarm sound of this browser: tones made here (no files), one pattern per priority, repeated until somebody silences or acknowledges.
// A browser may refuse sound until the page was touched once; then `blocked` stays true and the shell shows 声音未启用.

const PATTERNS = {
  1: { tones: [880, 660, 880, 660, 880], length: 0.16, gap: 0.04, every: 1.6, gain: 0.5 },
  2: { tones: [740, 740, 740], length: 0.18, gap: 0.1, every: 3, gain: 0.4 },
  3: { tones: [587, 494], length: 0.22, gap: 0.1, every: 6, gain: 0.3 },
  4: { tones: [440], length: 0.3, gap: 0, every: 12, gain: 0.25 },
};

/** Of an evacuation call: three long pulses and a pause, beside whatever an alarm sounds. */
const EVACUATION = { tones: [520, 520, 520], length: 0.5, gap: 0.5, gain: 0.5, every: 4 };

class Sound extends EventTarget {
  constructor() {
    super();
    this.context = null;
    this.priority = 0;
    this.timer = 0;
    this.blocked = true;
  }

  /** Try to open the sound device; inside a click or key press this always works if there is one. */
  async enable() {
    try {
      this.context ??= new AudioContext();
      // resume() of a blocked context stays pending instead of failing, so it is raced against a short wait.
      await Promise.race([this.context.resume(), new Promise((done) => setTimeout(done, 400))]);
    } catch (error) {
      console.warn("no sound device:", error);
    }
    this.tell(this.context?.state !== "running");
    return !this.blocked;
  }

  tell(blocked) {
    if (this.blocked !== blocked || !this.told) {
      this.told = true;
      this.blocked = blocked;
      this.dispatchEvent(new Event("change"));
    }
  }

  /** Sound for `priority` until `stop`; a worse one takes over at once. */
  start(priority) {
    if (this.priority === priority) return;
    this.stop();
    this.priority = priority;
    const again = () => {
      this.once(priority);
      this.timer = setTimeout(again, PATTERNS[priority].every * 1000);
    };
    again();
    this.dispatchEvent(new Event("change"));
  }

  /** An evacuation call stands, or none does any more. It has no silence: it ends with the call. */
  evacuate(stands) {
    if (stands === Boolean(this.evacuation)) return;
    clearInterval(this.evacuation);
    this.evacuation = stands ? setInterval(() => this.play(EVACUATION), EVACUATION.every * 1000) : 0;
    if (stands) this.play(EVACUATION);
    this.dispatchEvent(new Event("change"));
  }

  stop() {
    clearTimeout(this.timer);
    if (this.priority) {
      this.priority = 0;
      this.dispatchEvent(new Event("change"));
    }
  }

  async once(priority) {
    await this.play(PATTERNS[priority]);
  }

  async play({ tones, length, gap, gain }) {
    if (!(await this.enable())) return;
    tones.forEach((hertz, i) => this.tone(hertz, this.context.currentTime + 0.02 + i * (length + gap), length, gain));
  }

  tone(hertz, at, length, gain) {
    const oscillator = new OscillatorNode(this.context, { type: "square", frequency: hertz });
    const envelope = new GainNode(this.context, { gain: 0 });
    envelope.gain.setValueAtTime(0, at);
    envelope.gain.linearRampToValueAtTime(gain * 0.5, at + 0.01);
    envelope.gain.setValueAtTime(gain * 0.5, at + length - 0.02);
    envelope.gain.linearRampToValueAtTime(0, at + length);
    oscillator.connect(envelope).connect(this.context.destination);
    oscillator.start(at);
    oscillator.stop(at + length);
  }
}

export const sound = new Sound();

// The first touch of the page unlocks sound where the browser asks for one.
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => sound.blocked && sound.enable(), { capture: true });
