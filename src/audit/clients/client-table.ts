/** Where a client's hello is known from. */
export const CLIENT_SOURCES = {
  measured: "its first hello to a listener on loopback, read by us",
  utls: "uTLS (refraction-networking/utls, u_parrots.go, July 2025), which imitates it",
  testssl: "testssl.sh 3.0.8 (etc/client-simulation.txt), of old clients after SSL Labs' API",
} as const;

/** A real client's ClientHello, without what changes nothing: GREASE values are left out. */
export interface Client {
  readonly name: string;
  /** Year and month: of its release, or where it was measured of the measurement. */
  readonly date: string;
  readonly source: keyof typeof CLIENT_SOURCES;
  /** Codes of the oldest and the newest version that it speaks. */
  readonly versions: readonly [oldest: number, newest: number];
  /** Codes in its order of preference; so all that follow. */
  readonly suites: readonly number[];
  /** Empty: it says nothing of groups. */
  readonly groups: readonly number[];
  /** Groups that it sends a key of at once. */
  readonly keyShares: readonly number[];
  /** Empty: it says nothing of schemes. */
  readonly schemes: readonly number[];
  readonly alpn: readonly string[];
}

/** Hexadecimal codes, as they stand on the wire. */
function codes(text: string): readonly number[] {
  return text === "" ? [] : text.split(" ").map((code) => Number.parseInt(code, 16));
}

/** Newest first, of each kind. */
export const CLIENTS: readonly Client[] = [
  {
    name: "Chromium 156",
    date: "2026-11",
    source: "measured",
    versions: [0x0303, 0x0304],
    suites: codes("1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"),
    groups: codes("11ec 001d 0017 0018"),
    keyShares: codes("11ec 001d"),
    schemes: codes("0904 0905 0906 0403 0804 0401 0503 0805 0501 0806 0601"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Chrome 131",
    date: "2024-11",
    source: "utls",
    versions: [0x0303, 0x0304],
    suites: codes("1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"),
    groups: codes("11ec 001d 0017 0018"),
    keyShares: codes("11ec 001d"),
    schemes: codes("0403 0804 0401 0503 0805 0501 0806 0601"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Chrome 120",
    date: "2023-12",
    source: "utls",
    versions: [0x0303, 0x0304],
    suites: codes("1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"),
    groups: codes("001d 0017 0018"),
    keyShares: codes("001d"),
    schemes: codes("0403 0804 0401 0503 0805 0501 0806 0601"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Chrome 83",
    date: "2020-05",
    source: "utls",
    versions: [0x0301, 0x0304],
    suites: codes("1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"),
    groups: codes("001d 0017 0018"),
    keyShares: codes("001d"),
    schemes: codes("0403 0804 0401 0503 0805 0501 0806 0601"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Chrome 70",
    date: "2018-10",
    source: "utls",
    versions: [0x0301, 0x0304],
    suites: codes(
      "1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035 000a",
    ),
    groups: codes("001d 0017 0018"),
    keyShares: codes("001d"),
    schemes: codes("0403 0804 0401 0503 0805 0501 0806 0601 0201"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Chrome 58",
    date: "2017-04",
    source: "utls",
    versions: [0x0301, 0x0303],
    suites: codes("c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035 000a"),
    groups: codes("001d 0017 0018"),
    keyShares: codes(""),
    schemes: codes("0403 0804 0401 0503 0805 0501 0806 0601 0201"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Firefox 120",
    date: "2023-11",
    source: "utls",
    versions: [0x0303, 0x0304],
    suites: codes(
      "1301 1303 1302 c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c014 009c 009d 002f 0035",
    ),
    groups: codes("001d 0017 0018 0019"),
    keyShares: codes("001d 0017"),
    schemes: codes("0403 0503 0603 0804 0805 0806 0401 0501 0601 0203 0201"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Firefox 105",
    date: "2022-09",
    source: "utls",
    versions: [0x0303, 0x0304],
    suites: codes(
      "1301 1303 1302 c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c014 009c 009d 002f 0035",
    ),
    groups: codes("001d 0017 0018 0019"),
    keyShares: codes("001d 0017"),
    schemes: codes("0403 0503 0603 0804 0805 0806 0401 0501 0601 0203 0201"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Firefox 63",
    date: "2018-10",
    source: "utls",
    versions: [0x0301, 0x0304],
    suites: codes(
      "1301 1303 1302 c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c014 0033 0039 002f 0035 000a",
    ),
    groups: codes("001d 0017 0018 0019 0100 0101"),
    keyShares: codes("001d 0017"),
    schemes: codes("0403 0503 0603 0804 0805 0806 0401 0501 0601 0203 0201"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Firefox 55",
    date: "2017-08",
    source: "utls",
    versions: [0x0301, 0x0303],
    suites: codes("c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c014 0033 0039 002f 0035 000a"),
    groups: codes("001d 0017 0018 0019"),
    keyShares: codes(""),
    schemes: codes("0403 0503 0603 0804 0805 0806 0401 0501 0601 0203 0201"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Safari 16, macOS 13",
    date: "2022-09",
    source: "utls",
    versions: [0x0301, 0x0304],
    suites: codes(
      "1301 1302 1303 c02c c02b cca9 c030 c02f cca8 c00a c009 c014 c013 009d 009c 0035 002f c008 c012 000a",
    ),
    groups: codes("001d 0017 0018 0019"),
    keyShares: codes("001d"),
    schemes: codes("0403 0804 0401 0503 0203 0805 0805 0501 0806 0601 0201"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Safari, iOS 14",
    date: "2020-09",
    source: "utls",
    versions: [0x0301, 0x0304],
    suites: codes(
      "1301 1302 1303 c02c c02b cca9 c030 c02f cca8 c024 c023 c00a c009 c028 c027 c014 c013 009d 009c 003d 003c 0035 002f c008 c012 000a",
    ),
    groups: codes("001d 0017 0018 0019"),
    keyShares: codes("001d"),
    schemes: codes("0403 0804 0401 0503 0203 0805 0805 0501 0806 0601 0201"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Safari, iOS 12.1",
    date: "2018-10",
    source: "utls",
    versions: [0x0301, 0x0303],
    suites: codes(
      "c02c c02b c024 c023 c00a c009 cca9 c030 c02f c028 c027 c014 c013 cca8 009d 009c 003d 003c 0035 002f c008 c012 000a",
    ),
    groups: codes("001d 0017 0018 0019"),
    keyShares: codes(""),
    schemes: codes("0403 0804 0401 0503 0203 0805 0805 0501 0806 0601 0201"),
    alpn: ["h2", "h2-16", "h2-15", "h2-14", "spdy/3.1", "spdy/3", "http/1.1"],
  },
  {
    name: "Safari, iOS 9",
    date: "2015-09",
    source: "testssl",
    versions: [0x0301, 0x0303],
    suites: codes(
      "c02c c02b c024 c023 c00a c009 c008 c030 c02f c028 c027 c014 c013 c012 009d 009c 003d 003c 0035 002f 000a c007 c011 0005 0004",
    ),
    groups: codes("0017 0018 0019"),
    keyShares: codes(""),
    schemes: codes("0501 0401 0201 0503 0403 0203"),
    alpn: ["h2", "h2-16", "h2-15", "h2-14", "spdy/3.1", "spdy/3", "http/1.1"],
  },
  {
    name: "Edge 106",
    date: "2022-10",
    source: "utls",
    versions: [0x0303, 0x0304],
    suites: codes("1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"),
    groups: codes("001d 0017 0018"),
    keyShares: codes("001d"),
    schemes: codes("0403 0804 0401 0503 0805 0501 0806 0601"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Internet Explorer 11, Windows 10",
    date: "2015-07",
    source: "testssl",
    versions: [0x0301, 0x0303],
    suites: codes(
      "c02c c02b c030 c02f 009f 009e c024 c023 c028 c027 c00a c009 c014 c013 0039 0033 009d 009c 003d 003c 0035 002f 000a 006a 0040 0038 0032 0013",
    ),
    groups: codes("0017 0018"),
    keyShares: codes(""),
    schemes: codes("0401 0501 0201 0403 0503 0203 0202 0601 0603"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Internet Explorer 11, Windows 7",
    date: "2013-11",
    source: "testssl",
    versions: [0x0301, 0x0303],
    suites: codes(
      "c028 c027 c014 c013 009f 009e 009d 009c 003d 003c 0035 002f c02c c02b c024 c023 c00a c009 006a 0040 0038 0032 000a 0013",
    ),
    groups: codes("0017 0018"),
    keyShares: codes(""),
    schemes: codes("0601 0603 0401 0501 0201 0403 0503 0203 0202"),
    alpn: [],
  },
  {
    name: "Internet Explorer 8, Windows XP",
    date: "2009-03",
    source: "testssl",
    versions: [0x0300, 0x0301],
    suites: codes("0004 0005 000a 0009 0064 0062 0003 0006 0013 0012 0063"),
    groups: codes(""),
    keyShares: codes(""),
    schemes: codes(""),
    alpn: [],
  },
  {
    name: "Android 12",
    date: "2021-10",
    source: "testssl",
    versions: [0x0301, 0x0304],
    suites: codes(
      "1301 1302 1303 c02b c02c cca9 c02f c030 cca8 c009 c00a c013 c014 009c 009d 002f 0035",
    ),
    groups: codes("001d 0017 0018"),
    keyShares: codes("001d"),
    schemes: codes("0403 0804 0401 0503 0805 0501 0806 0601 0201"),
    alpn: ["http/1.1"],
  },
  {
    name: "Android 7.0",
    date: "2016-08",
    source: "testssl",
    versions: [0x0301, 0x0303],
    suites: codes("c02b c02c cca9 c02f c030 cca8 c013 c014 009c 009d 002f 0035"),
    groups: codes("0017"),
    keyShares: codes(""),
    schemes: codes("0601 0603 0501 0503 0401 0403 0301 0303 0201 0203"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Android 4.4.2",
    date: "2013-12",
    source: "testssl",
    versions: [0x0300, 0x0303],
    suites: codes(
      "c030 c02c c014 c00a 00a3 009f 006b 006a 0039 0038 009d 003d 0035 c012 c008 0016 0013 000a c02f c02b c027 c023 c013 c009 00a2 009e 0067 0040 0033 0032 009c 003c 002f c011 c007 0005 0004",
    ),
    groups: codes("0019 0018 0017"),
    keyShares: codes(""),
    schemes: codes(
      "0601 0602 0603 0501 0502 0503 0401 0402 0403 0301 0302 0303 0201 0202 0203 0101",
    ),
    alpn: [],
  },
  {
    name: "Thunderbird 91",
    date: "2022-05",
    source: "testssl",
    versions: [0x0303, 0x0304],
    suites: codes(
      "1301 1303 1302 c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c014 009c 009d 002f 0035 000a",
    ),
    groups: codes("001d 0017 0018 0019 0100 0101"),
    keyShares: codes("001d 0017"),
    schemes: codes("0403 0503 0603 0804 0805 0806 0401 0501 0601 0203 0201"),
    alpn: [],
  },
  {
    name: "Apple Mail 16",
    date: "2022-09",
    source: "testssl",
    versions: [0x0301, 0x0303],
    suites: codes(
      "c02c c02b c024 c023 c00a c009 c008 c030 c02f c028 c027 c014 c013 c012 009d 009c 003d 003c 0035 002f 000a",
    ),
    groups: codes("0017 0018 0019"),
    keyShares: codes(""),
    schemes: codes("0401 0201 0501 0601 0403 0203 0503 0603"),
    alpn: [],
  },
  {
    name: "Java 17",
    date: "2025-04",
    source: "measured",
    versions: [0x0303, 0x0304],
    suites: codes(
      "1302 1301 1303 c02c c02b cca9 c030 cca8 c02f 009f ccaa 00a3 009e 00a2 c024 c028 c023 c027 006b 006a 0067 0040 c00a c014 c009 c013 0039 0038 0033 0032 009d 009c 003d 003c 0035 002f",
    ),
    groups: codes("001d 0017 0018 0019 001e 0100 0101 0102 0103 0104"),
    keyShares: codes("001d 0017"),
    schemes: codes(
      "0403 0503 0603 0807 0808 0804 0805 0806 0809 080a 080b 0401 0501 0601 0402 0303 0301 0302 0203 0201 0202",
    ),
    alpn: [],
  },
  {
    name: "Java 8u161",
    date: "2018-01",
    source: "testssl",
    versions: [0x0301, 0x0303],
    suites: codes(
      "c024 c028 003d c026 c02a 006b 006a c00a c014 0035 c005 c00f 0039 0038 c023 c027 003c c025 c029 0067 0040 c009 c013 002f c004 c00e 0033 0032 c02c c02b c030 009d c02e c032 009f 00a3 c02f 009c c02d c031 009e 00a2 c008 c012 000a c003 c00d 0016 0013",
    ),
    groups: codes("0017 0018 0019 0009 000a 000b 000c 000d 000e 0016"),
    keyShares: codes(""),
    schemes: codes("0603 0601 0503 0501 0403 0401 0402 0203 0201 0202"),
    alpn: [],
  },
  {
    name: "Java 7u25",
    date: "2013-06",
    source: "testssl",
    versions: [0x0300, 0x0301],
    suites: codes(
      "c009 c013 002f c004 c00e 0033 0032 c007 c011 0005 c002 c00c c008 c012 000a c003 c00d 0016 0013 0004",
    ),
    groups: codes(
      "0017 0001 0003 0013 0015 0006 0007 0009 000a 0018 000b 000c 0019 000d 000e 000f 0010 0011 0002 0012 0004 0005 0014 0008 0016",
    ),
    keyShares: codes(""),
    schemes: codes(""),
    alpn: [],
  },
  {
    name: "Go 1.19",
    date: "2023-04",
    source: "measured",
    versions: [0x0303, 0x0304],
    suites: codes(
      "c02b c02f c02c c030 cca9 cca8 c009 c013 c00a c014 009c 009d 002f 0035 c012 000a 1301 1302 1303",
    ),
    groups: codes("001d 0017 0018 0019"),
    keyShares: codes("001d"),
    schemes: codes("0804 0403 0807 0805 0806 0401 0501 0601 0503 0603 0201 0203"),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "Node.js 24",
    date: "2026-11",
    source: "measured",
    versions: [0x0303, 0x0304],
    suites: codes(
      "1302 1303 1301 c02f c02b c030 c02c 009e c027 0067 c028 006b 00a3 009f cca9 cca8 ccaa c0ad c09f c05d c061 c057 c053 00a2 c0ac c09e c05c c060 c056 c052 c024 006a c023 0040 c00a c014 0039 0038 c009 c013 0033 0032 009d c09d c051 009c c09c c050 003d 003c 0035 002f",
    ),
    groups: codes("11ec 001d 0017 001e 0018 0019 0100 0101"),
    keyShares: codes("11ec 001d"),
    schemes: codes(
      "0905 0906 0904 0403 0503 0603 0807 0808 081a 081b 081c 0809 080a 080b 0804 0805 0806 0401 0501 0601 0303 0301 0302 0402 0502 0602",
    ),
    alpn: ["http/1.1"],
  },
  {
    name: "Node.js 20",
    date: "2026-11",
    source: "measured",
    versions: [0x0303, 0x0304],
    suites: codes(
      "1302 1303 1301 c02f c02b c030 c02c 009e c027 0067 c028 006b 00a3 009f cca9 cca8 ccaa c0af c0ad c0a3 c09f c05d c061 c057 c053 00a2 c0ae c0ac c0a2 c09e c05c c060 c056 c052 c024 006a c023 0040 c00a c014 0039 0038 c009 c013 0033 0032 009d c0a1 c09d c051 009c c0a0 c09c c050 003d 003c 0035 002f",
    ),
    groups: codes("001d 0017 001e 0019 0018 0100 0101 0102 0103 0104"),
    keyShares: codes("001d"),
    schemes: codes(
      "0403 0503 0603 0807 0808 0809 080a 080b 0804 0805 0806 0401 0501 0601 0303 0301 0302 0402 0502 0602",
    ),
    alpn: ["http/1.1"],
  },
  {
    name: "Python 3.11",
    date: "2026-11",
    source: "measured",
    versions: [0x0303, 0x0304],
    suites: codes(
      "1302 1303 1301 c02c c030 c02b c02f cca9 cca8 c024 c028 c023 c027 009f 009e 006b 0067",
    ),
    groups: codes("001d 0017 001e 0019 0018 0100 0101 0102 0103 0104"),
    keyShares: codes("001d"),
    schemes: codes(
      "0403 0503 0603 0807 0808 0809 080a 080b 0804 0805 0806 0401 0501 0601 0303 0301 0302 0402 0502 0602",
    ),
    alpn: ["http/1.1"],
  },
  {
    name: "curl 7.88, OpenSSL 3.0",
    date: "2026-11",
    source: "measured",
    versions: [0x0301, 0x0304],
    suites: codes(
      "1302 1303 1301 c02c c030 009f cca9 cca8 ccaa c02b c02f 009e c024 c028 006b c023 c027 0067 c00a c014 0039 c009 c013 0033 009d 009c 003d 003c 0035 002f",
    ),
    groups: codes("001d 0017 001e 0019 0018 0100 0101 0102 0103 0104"),
    keyShares: codes("001d"),
    schemes: codes(
      "0403 0503 0603 0807 0808 0809 080a 080b 0804 0805 0806 0401 0501 0601 0303 0301 0302 0402 0502 0602",
    ),
    alpn: ["h2", "http/1.1"],
  },
  {
    name: "OpenSSL 1.1.1",
    date: "2019-09",
    source: "testssl",
    versions: [0x0303, 0x0304],
    suites: codes(
      "1302 1303 1301 c02c c030 009f cca9 cca8 ccaa c02b c02f 009e c024 c028 006b c023 c027 0067 c00a c014 0039 c009 c013 0033 009d 009c 003d 003c 0035 002f",
    ),
    groups: codes("001d 0017 001e 0019 0018"),
    keyShares: codes("001d"),
    schemes: codes(
      "0403 0503 0603 0807 0808 0809 080a 080b 0804 0805 0806 0401 0501 0601 0303 0301 0302 0402 0502 0602",
    ),
    alpn: [],
  },
  {
    name: "OpenSSL 1.0.2",
    date: "2015-12",
    source: "testssl",
    versions: [0x0300, 0x0303],
    suites: codes(
      "c030 c02c c028 c024 c014 c00a 00a5 00a3 00a1 009f 006b 006a 0069 0068 0039 0038 0037 0036 0088 0087 0086 0085 c032 c02e c02a c026 c00f c005 009d 003d 0035 0084 c02f c02b c027 c023 c013 c009 00a4 00a2 00a0 009e 0067 0040 003f 003e 0033 0032 0031 0030 009a 0099 0098 0097 0045 0044 0043 0042 c031 c02d c029 c025 c00e c004 009c 003c 002f 0096 0041 0007 c011 c007 c00c c002 0005 0004 c012 c008 0016 0013 0010 000d c00d c003 000a 0015 0012 000f 000c 0009",
    ),
    groups: codes("0017 0019 001c 001b 0018 001a 0016 000e 000d 000b 000c 0009 000a"),
    keyShares: codes(""),
    schemes: codes("0601 0602 0603 0501 0502 0503 0401 0402 0403 0301 0302 0303 0201 0202 0203"),
    alpn: [],
  },
  {
    name: "Wget 1.21, GnuTLS 3.7",
    date: "2026-11",
    source: "measured",
    versions: [0x0301, 0x0304],
    suites: codes(
      "1302 1303 1301 1304 c02c cca9 c0ad c00a c02b c0ac c009 c030 cca8 c014 c02f c013 009d c09d 0035 009c c09c 002f 009f ccaa c09f 0039 009e c09e 0033",
    ),
    groups: codes("0017 0018 0019 001d 001e 0100 0101 0102 0103 0104"),
    keyShares: codes("0017 001d"),
    schemes: codes(
      "0401 0809 0804 0403 0807 0501 080a 0805 0503 0808 0601 080b 0806 0603 0201 0203",
    ),
    alpn: [],
  },
  {
    name: "NSS 3.87",
    date: "2026-11",
    source: "measured",
    versions: [0x0301, 0x0304],
    suites: codes(
      "1301 1303 1302 c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c023 c027 c014 009e ccaa 009f 0033 0032 0067 0039 0038 006b 0016 0013 009c 009d 002f 003c 0035 003d 000a 0005 0004",
    ),
    groups: codes("001d 0017 0018 0019 0100 0101 0102 0103 0104"),
    keyShares: codes("001d"),
    schemes: codes("0403 0503 0603 0203 0804 0805 0806 0401 0501 0601 0201 0402 0502 0602 0202"),
    alpn: [],
  },
];
