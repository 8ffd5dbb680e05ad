/** How far an installation is, for people. */
export interface Progress {
  readonly text: string;
  /** 0 to 1, where the installer has said how much there is to do. */
  readonly share?: number;
}

/** What an installer has done when it has every package and begins to put them in place. */
const fetchedShare = 0.8;

/**
 * Reads the output of pip and uv. uv and a pip whose index serves metadata say how many packages there are before they
 * fetch them; an older pip fetches while it still looks, and so has no share until it installs.
 */
export class InstallProgress {
  /** pip's name for each package that it has chosen; another try of one counts once. */
  readonly #chosen = new Set<string>();
  #fetched = 0;
  #fetchedBytes = 0;
  #begunBytes = 0;
  #sizes = new Map<string, number>();
  #total: number | undefined;
  #isInstalling = false;
  #what = "looking for packages";

  /** @returns How far it is now; `undefined` for a line that says nothing about it. */
  read(line: string): Progress | undefined {
    return this.#readPip(line) || this.#readUv(line) ? this.now() : undefined;
  }

  /** @param count - Packages that are in place. */
  installed(count: number): Progress | undefined {
    if (!this.#isInstalling || this.#total === undefined) return undefined;
    const done = Math.min(count, this.#total);
    const share = fetchedShare + ((1 - fetchedShare) * done) / Math.max(1, this.#total);
    return said(`installing (${done} of ${packages(this.#total)})`, share);
  }

  /** How far it is. */
  now(): Progress {
    if (this.#isInstalling) return this.installed(0) as Progress;
    if (this.#total === undefined) {
      const megabytes = Math.round(this.#fetchedBytes / 1e6);
      return said(`${this.#what} (${packages(this.#chosen.size)}, ${megabytes} MB so far)`);
    }
    const [done, all] = this.#begunBytes > 0 ? [this.#fetchedBytes, this.#begunBytes] : [this.#fetched, this.#total];
    return said(`${this.#what} (${packages(this.#total)})`, (fetchedShare * done) / Math.max(1, all));
  }

  #readPip(line: string): boolean {
    const chosen = /^Collecting ([A-Za-z0-9._-]+)/.exec(line)?.[1];
    if (chosen !== undefined) {
      this.#chosen.add(chosen.toLowerCase().replace(/[._]+/g, "-"));
      this.#what = `found ${chosen}`;
      return true;
    }
    const wheel =
      /^(\s*)(?:Downloading|Using cached|Processing) (?:\S*\/)?(\S+?\.whl)(?: \(([\d.]+) (bytes|kB|MB|GB)\))?$/.exec(
        line,
      );
    if (wheel) {
      const [, indent, file = "", size = "0", unit = "bytes"] = wheel;
      // Once it no longer looks, its lines begin at the margin: it has chosen all.
      if (indent === "" && !line.startsWith("Processing")) this.#total = this.#chosen.size;
      this.#fetched += 1;
      this.#fetchedBytes += Number(size) * (units[unit] ?? 1);
      this.#what = `fetched ${file.split("-").slice(0, 2).join(" ")}`;
      return true;
    }
    if (!line.startsWith("Installing collected packages:")) return false;
    this.#total = this.#chosen.size;
    this.#isInstalling = true;
    return true;
  }

  #readUv(line: string): boolean {
    const counted = /^(Resolved|Prepared|Installed) (\d+) packages?\b/.exec(line);
    if (counted) {
      this.#total = Number(counted[2]);
      this.#isInstalling = counted[1] !== "Resolved";
      this.#what = "fetching";
      return true;
    }
    const begun = /^Downloading (\S+) \(([\d.]+)([KMG]iB)\)$/.exec(line);
    if (begun) {
      const [, name = "", size, unit = ""] = begun;
      const bytes = Number(size) * (units[unit] ?? 1);
      this.#sizes.set(name, bytes);
      this.#begunBytes += bytes;
      this.#what = `fetching ${name}`;
      return true;
    }
    const ended = /^\s*Downloaded (\S+)$/.exec(line)?.[1];
    if (ended === undefined) return false;
    this.#fetchedBytes += this.#sizes.get(ended) ?? 0;
    this.#what = `fetched ${ended}`;
    return true;
  }
}

const units: Readonly<Record<string, number>> = {
  ...{ bytes: 1, kB: 1e3, MB: 1e6, GB: 1e9 },
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 },
};

function packages(count: number): string {
  return count === 1 ? "1 package" : `${count} packages`;
}

function said(text: string, share?: number): Progress {
  return share === undefined ? { text } : { text: `${Math.floor(share * 100)} %, ${text}`, share };
}
