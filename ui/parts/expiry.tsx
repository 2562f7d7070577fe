import { agoText, DAY } from "./times.ts";

/** How long a certificate is valid yet; `notAfter` is ISO 8601. */
export function Expiry({ notAfter, now }: { notAfter: string; now: Date }) {
  const end = new Date(notAfter);
  const days = (end.getTime() - now.getTime()) / DAY;
  const tone = days < 7 ? "bad" : days < 30 ? "fair" : "good";
  return (
    <time class={`expiry ${tone}`} dateTime={notAfter} title={notAfter}>
      {days < 0 ? `expired ${agoText(end, now)}` : `expires ${agoText(end, now)}`}
    </time>
  );
}
