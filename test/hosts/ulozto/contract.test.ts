import { ulozto } from "../../../src/hosts/ulozto/index.ts";
import { describeHost } from "../../contracts/host.ts";

const LARGE = 24_000_000;

describeHost({
  host: ulozto,
  credentials: { user: "me@example.com", token: "cánary-/token+word & 100%", apiKey: "canary;api key/100%" },
  refused: { user: "me@example.com", token: "wrong" },
  bytesStep: "upload",
  rows: [
    { faults: ["login=refused:2"], codes: ["host_auth"], ok: false, bodies: 0 },
    { faults: ["login=token-refused"], codes: [], ok: true, bodies: 1 },
    { faults: ["login=503"], codes: ["host_unavailable"], ok: true, bodies: 1 },
    { faults: ["login=hang"], patienceMs: 300, codes: ["timeout"], ok: true, bodies: 1 },
    { faults: ["link=session"], codes: [], ok: true, bodies: 1 },
    { faults: ["link=session:2"], codes: ["host_auth"], ok: false, bodies: 0 },
    { faults: ["link=captcha"], codes: ["captcha"], ok: false, bodies: 0 },
    { faults: ["link=429+1", "link=lost"], codes: ["rate_limited", "network"], ok: true, bodies: 1 },
    { faults: ["link=html", "link=truncated"], codes: ["host_protocol", "host_protocol"], ok: true, bodies: 1 },
    { faults: ["link=redirect"], codes: ["host_protocol"], ok: true, bodies: 1 },
    { faults: ["link=422"], codes: ["host_rejected"], ok: false, bodies: 0 },
    { faults: ["link=expired"], codes: [], ok: true, bodies: 2 },
    { faults: ["upload=expired:2"], codes: ["host_rejected"], ok: false, bodies: 2 },
    { faults: ["upload=410", "upload=lost"], codes: ["network"], ok: true, bodies: 3 },
    { faults: ["upload=reset"], size: LARGE, codes: ["network"], ok: true, bodies: 2 },
    { faults: ["upload=lost"], codes: ["network"], ok: true, bodies: 2 },
    { faults: ["upload=503"], codes: ["host_unavailable"], ok: true, bodies: 2 },
    { faults: ["upload=html", "upload=truncated"], codes: ["host_protocol", "host_protocol"], ok: true, bodies: 3 },
    { faults: ["upload=early-413"], size: LARGE, codes: ["host_rejected"], ok: false, bodies: 1 },
    { faults: ["upload=hang"], patienceMs: 300, codes: ["timeout"], ok: true, bodies: 2 },
    { faults: ["upload=stall"], patienceMs: 300, size: LARGE, codes: ["timeout"], ok: true, bodies: 2 },
    { faults: ["upload=rejected"], codes: ["host_rejected"], ok: false, bodies: 1 },
    { faults: ["upload=code-500"], codes: ["integrity"], ok: true, bodies: 2 },
    { faults: ["upload=size", "upload=md5"], codes: ["integrity", "integrity"], ok: false, bodies: 2 },
    { faults: ["upload=message"], codes: ["integrity"], ok: true, bodies: 2 },
    { faults: ["properties=503", "properties=lost"], codes: ["host_unavailable", "network"], ok: true, bodies: 1 },
    { faults: ["properties=no-folder"], codes: ["host_rejected"], ok: true, bodies: 1 },
    { faults: ["properties=422"], codes: ["host_rejected"], ok: false, bodies: 1 },
    { faults: ["commit=503", "commit=lost"], codes: ["host_unavailable", "network"], ok: true, bodies: 1 },
    { faults: ["commit=put-only"], codes: [], ok: true, bodies: 1 },
    { faults: ["commit=422"], codes: ["host_rejected"], ok: false, bodies: 1 },
  ],
});
