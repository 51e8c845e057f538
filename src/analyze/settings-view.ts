import { printCidr } from '../model/address.ts';
import type { SettingView } from '../model/report.ts';
import type { LocalDetection, NodePortAddresses, ProxySettings, Setting } from '../kubeproxy/expectation.ts';

/** The settings a node was judged by, each with where it came from. */
export function settingsView(settings: ProxySettings): readonly SettingView[] {
  const view = <T>(name: string, setting: Setting<T>, print: (value: T) => string): SettingView => ({
    name,
    family: settings.family,
    value: print(setting.value),
    origin: setting.origin,
    from: setting.from,
  });
  return [
    view('rule generation', settings.era, (era) => `${era} and later`),
    view('masquerade mark', settings.mark, (mark) => `0x${mark.toString(16)}`),
    view('masquerade all', settings.masqueradeAll, String),
    view('local detection', settings.localDetection, printDetection),
    view('node port addresses', settings.nodePortAddresses, printAddresses),
    view('localhost node ports', settings.localhostNodePorts, (on) => (on === null ? 'not known' : String(on))),
  ];
}

function printDetection(detection: LocalDetection | null): string {
  if (detection === null) return 'not known';
  switch (detection.mode) {
    case 'none':
      return 'none';
    case 'source':
      return `source in ${printCidr(detection.cidr)}`;
    case 'interface':
      return `interface ${detection.name}`;
  }
}

function printAddresses(addresses: NodePortAddresses | null): string {
  if (addresses === null) return 'not known';
  return addresses.mode === 'all' ? 'all' : addresses.addresses.join(' ');
}
