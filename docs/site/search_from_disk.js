// The theme searches in a worker, which browsers refuse to start for a page that was opened from disk. There an unseen frame
// takes the worker's place; the theme's search asks for it by the name IFrameWorker.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      this.queue = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      const inside = `
        self.postMessage = data => parent.dispatchEvent(new CustomEvent("iframe-worker", {detail: {frame: window, data}}));
        self.importScripts = (...urls) => urls.reduce((before, url) => before.then(() => new Promise((done, failed) => {
          const script = document.createElement("script");
          script.src = url; script.onload = done; script.onerror = failed;
          document.head.append(script);
        })), Promise.resolve());`;
      frame.srcdoc = `<html><head><script>${inside}<\/script></head><body><script src="${new URL(url, location.href)}"><\/script></body></html>`;
      window.addEventListener("iframe-worker", event => {
        if (event.detail.frame === frame.contentWindow) this.answer(event.detail.data);
      });
      frame.onload = () => {
        this.ready = frame.contentWindow;
        for (const data of this.queue) this.postMessage(data);
      };
      document.documentElement.append(frame);
    }
    answer(data) {
      const event = new MessageEvent("message", {data});
      this.dispatchEvent(event);
      if (this.onmessage) this.onmessage(event);
    }
    postMessage(data) {
      if (!this.ready) return this.queue.push(data);
      this.ready.dispatchEvent(new MessageEvent("message", {data}));
    }
    terminate() {}
  };
  window.Worker = window.IFrameWorker;
}
