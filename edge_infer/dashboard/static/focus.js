// What the user looks at: one drone or target, and perhaps one class of targets.

export class Focus {
  constructor() {
    Object.assign(this, { kind: null, id: null, className: null, version: 0 });
  }

  is(kind, id) {
    return this.kind === kind && this.id === id;
  }

  select(kind, id) {
    Object.assign(this, { kind, id, version: this.version + 1 });
  }

  filter(className) {
    this.className = this.className === className ? null : className;
    this.version += 1;
  }
}
