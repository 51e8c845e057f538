import { parseCluster } from '../../src/model/parse-cluster.ts';
import { expectServicePort } from '../../src/kubeproxy/expect-service-port.ts';
import { endpointsFor } from '../../src/kubeproxy/endpoints.ts';
import { expectedRuleset } from '../../src/kubeproxy/assemble.ts';
import { inferSettings } from '../../src/kubeproxy/settings.ts';
import { settingsOf } from './builders.ts';
const S=10000,E=10;
const services:any[]=[],slices:any[]=[];
for(let i=0;i<S;i++){const name='svc-'+i;services.push({metadata:{name,namespace:'default'},spec:{type:'NodePort',clusterIP:`10.96.${i>>8}.${i&255}`,clusterIPs:[`10.96.${i>>8}.${i&255}`],ports:[{name:'http',protocol:'TCP',port:80,nodePort:1000+i}]}});
slices.push({metadata:{name:name+'-x',namespace:'default',labels:{'kubernetes.io/service-name':name}},addressType:'IPv4',ports:[{name:'http',protocol:'TCP',port:8080}],endpoints:Array.from({length:E},(_,k)=>({addresses:[`10.${(i>>8)+100}.${i&255}.${k+1}`],conditions:{ready:true,serving:true,terminating:false},nodeName:'n'+(k%3)}))});}
for(let r=0;r<3;r++){
let t=performance.now();const c=parseCluster(new Map<any,any>([['services',{items:services}],['endpointslices',{items:slices}]]));console.log('parse',performance.now()-t);
const s=settingsOf('1.37.2');
t=performance.now();let n=0;const all=c.servicePorts.map(p=>expectServicePort(p,endpointsFor(c,p,s),s));for(const e of all){n+=e.entries.length;for(const ch of e.chains)n+=ch.rules.length}console.log('expect',n,performance.now()-t);
t=performance.now();const s2=settingsOf('1.37.2',{nodeName:'n2'});const all2=c.servicePorts.map(p=>expectServicePort(p,endpointsFor(c,p,s2),s2));console.log('expect second node',all2.length,performance.now()-t);
t=performance.now();const rs=expectedRuleset(c,s);console.log('assembled',performance.now()-t);
t=performance.now();inferSettings({cluster:c,kubeProxyObjects:undefined,rulesets:new Map([['n1',{IPv4:[rs],IPv6:[]}]])}).settingsOf('n1','IPv4');console.log('infer',performance.now()-t,process.memoryUsage().heapUsed/1e6);
}
