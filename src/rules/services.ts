/** Ports by the names that services(5) has for them, as far as rules are likely to use them. */
export const SERVICES: Readonly<Record<string, number>> = {
  echo: 7, discard: 9, daytime: 13, ftp: 21, "ftp-data": 20, ssh: 22, telnet: 23, smtp: 25, mail: 25, time: 37, whois: 43, tacacs: 49, domain: 53, bootps: 67, bootpc: 68,
  tftp: 69, gopher: 70, finger: 79, http: 80, www: 80, kerberos: 88, kerberos5: 88, "iso-tsap": 102, pop3: 110, "pop-3": 110, sunrpc: 111, portmapper: 111, auth: 113,
  nntp: 119, ntp: 123, "epmap": 135, "netbios-ns": 137, "netbios-dgm": 138, "netbios-ssn": 139, imap2: 143, imap: 143, snmp: 161, "snmp-trap": 162, bgp: 179, irc: 194,
  ldap: 389, svrloc: 427, https: 443, "microsoft-ds": 445, kpasswd: 464, isakmp: 500, syslog: 514, printer: 515, route: 520, nntps: 563, submission: 587, submissions: 465,
  ipp: 631, ldaps: 636, rsync: 873, ftps: 990, telnets: 992, imaps: 993, pop3s: 995, socks: 1080, openvpn: 1194, "ms-sql-s": 1433, "ms-sql-m": 1434, radius: 1812, nfs: 2049,
  mysql: 3306, "ms-wbt-server": 3389, svn: 3690, epmd: 4369, sip: 5060, "sip-tls": 5061, "xmpp-client": 5222, "xmpp-server": 5269, mdns: 5353, postgresql: 5432, postgres: 5432,
  amqps: 5671, amqp: 5672, x11: 6000, redis: 6379, ircd: 6667, "http-alt": 8080, git: 9418, mongodb: 27017,
};
