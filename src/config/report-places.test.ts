import assert from "node:assert/strict";
import { test } from "node:test";
import { readMounts } from "../untrusted/mount-table.ts";
import { ownReportPlaces, reportPlaces, type Surroundings } from "./report-places.ts";

const ROOT = "100 99 0:50 / / rw - overlay overlay rw,lowerdir=/a";
const ALERTS = "101 100 8:1 /home/u/falco_report.txt /var/log/falco_report.txt rw - ext4 /dev/a rw";
const PORTS = "102 100 8:1 /home/u/openport.txt /var/log/openport.txt rw - ext4 /dev/a rw";
const REPORT = "103 100 8:1 /home/u/report /report rw - ext4 /dev/a rw";
const LOG = "104 100 8:1 /home/u/log /var/log rw - ext4 /dev/a rw";
const MEMORY = "105 100 0:60 / /report rw - tmpfs tmpfs rw";

const OLD = ["/var/log/falco_report.txt", "/var/log/openport.txt"] as const;
const GONE =
  'reports in /report are gone with this container: mount a folder there, as by -v "$PWD/report":/report';

function places(
  lines: readonly string[],
  stated?: string,
  { files = OLD, folders = [], isInContainer = true }: Partial<Paths> = {},
) {
  const around: Surroundings = {
    workingFolder: "/",
    isInContainer,
    mounts: readMounts([ROOT, ...lines].join("\n")),
    kindOf: (path) =>
      folders.includes(path) ? "folder" : files.includes(path) ? "file" : undefined,
  };
  return reportPlaces(stated, around);
}

interface Paths {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  readonly isInContainer: boolean;
}

test("reportPlaces() writes the old system's mounted files beside the report folder", () => {
  assert.deepEqual(places([ALERTS, PORTS, REPORT]), {
    folder: "/report",
    alertFiles: [OLD[0]],
    openPortFiles: [OLD[1]],
    notes: [],
  });
  assert.deepEqual(places([PORTS, REPORT], "/report").openPortFiles, [OLD[1]]);
  assert.deepEqual(places([PORTS, REPORT], "/report").alertFiles, []);
});

test("reportPlaces() says when reports are gone with the container", () => {
  assert.deepEqual(places([ALERTS, PORTS]), {
    folder: "/report",
    alertFiles: [OLD[0]],
    openPortFiles: [OLD[1]],
    notes: [GONE],
  });
  assert.deepEqual(places([MEMORY]).notes, [GONE]);
  // A later mount covers an earlier one.
  assert.deepEqual(places([REPORT, MEMORY]).notes, [GONE]);
  assert.deepEqual(places([MEMORY, REPORT]).notes, []);
  // A name that only begins as a mount's.
  assert.equal(places([REPORT], "/report2").notes.length, 1);
});

test("reportPlaces() puts reports into the mounted folder of the old files", () => {
  const beside = { folder: "/var/log", alertFiles: [], openPortFiles: [], notes: [] };
  assert.deepEqual(places([LOG]), beside);
  assert.deepEqual(places([LOG, ALERTS, PORTS]), beside);
  assert.deepEqual(places([LOG, ALERTS], "/var/log/"), beside);
  assert.equal(places([LOG], undefined, { files: [] }).folder, "/report");
  assert.deepEqual(places([LOG, REPORT], "report"), {
    folder: "/report",
    alertFiles: [OLD[0]],
    openPortFiles: [OLD[1]],
    notes: [],
  });
});

test("reportPlaces() says when Docker has made a folder in place of a file", () => {
  const { openPortFiles, notes } = places([PORTS, REPORT], undefined, {
    files: [],
    folders: [OLD[1]],
  });
  assert.deepEqual(openPortFiles, []);
  assert.match(notes.join(), /^\/var\/log\/openport\.txt is a folder, so it is not written/);
});

test("reportPlaces() leaves a host's own log files alone", () => {
  const nothing = { alertFiles: [], openPortFiles: [], notes: [] };
  assert.deepEqual(places([LOG, ALERTS], undefined, { isInContainer: false }), {
    folder: "/report",
    ...nothing,
  });
  // In a container's own layer they are nobody's.
  assert.deepEqual(places([REPORT]), { folder: "/report", ...nothing });
});

test("ownReportPlaces() makes the folder's path absolute", () => {
  assert.equal(ownReportPlaces(undefined, "/srv/x").folder, "/srv/x/report");
  assert.equal(ownReportPlaces("../y", "/srv/x").folder, "/srv/y");
});
