// Prints the ports that containers open, until Ctrl-C or for so many seconds: node opened-ports.ts [SECONDS]
import { startWatch } from "saker/watch";

const watch = await startWatch({
  onNews: (news) => {
    if (news.kind === "note" || news.kind === "problem") console.error(news.text);
    if (news.kind === "port-opened")
      console.log(`${news.port.container ?? "host"} listens at ${news.port.port}`);
  },
});
const close = (): void => void watch.close();
process.once("SIGINT", close);
const [seconds] = process.argv.slice(2);
if (seconds !== undefined) setTimeout(close, Number(seconds) * 1000);
