/**
 * A fault that is over takes its notice along: who reads "No microphone was found" beside a microphone looks for the
 * fault in vain.
 */

const OF_THE_LINE = /^(token_unreachable|token_offline|line_silent|reconnect_failed)$/;
// Not "ended": it says why there is no call any more, and the device that is gone makes the browser tell of
// a change by itself.
const OF_THE_DEVICE = /^mic_(not_found|overconstrained)$/;
const OF_THE_PERMISSION = /^mic_(denied|dismissed|framed)$/;

/**
 * Devices are watched from when a notice says that one is missing, and the permission from when one says that it is:
 * for the first who listens to devices, Chromium starts the processes of sound and of cameras, and takes their time
 * from a page that loads.
 *
 * @param {(codes: RegExp) => void} over is told which notices are not true any more
 * @returns {(code: string) => unknown} to be told of each notice that is shown
 */
export function watchForRecovery(over) {
  addEventListener("online", () => over(OF_THE_LINE));
  let isPermissionWatched = false;
  const watchPermission = () => {
    isPermissionWatched = true;
    navigator.permissions?.query({ name: "microphone" }).then(
      (status) => status.addEventListener("change", () => status.state !== "denied" && over(OF_THE_PERMISSION)),
      () => {}, // this browser does not tell
    );
  };
  const changed = async () => {
    const found = await navigator.mediaDevices.enumerateDevices();
    if (found.some(({ kind }) => kind === "audioinput")) over(OF_THE_DEVICE);
  };
  return (code) => {
    if (OF_THE_PERMISSION.test(code) && !isPermissionWatched) watchPermission();
    // A page without `mediaDevices` has another notice; the same listener counts once.
    if (OF_THE_DEVICE.test(code)) navigator.mediaDevices.addEventListener("devicechange", changed);
  };
}
