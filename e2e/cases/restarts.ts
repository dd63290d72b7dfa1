import { judge, levelOf } from '../books.ts';
import { Load } from '../load.ts';
import { SERVICES, type Case, type Context } from '../stage.ts';

/** Orders that are accepted before, between and after what is done to the shop. */
const SOME = 4;

export const pods: Case = {
  name: 'pods',
  what: 'Pods of each service in turn are deleted while orders flow; no order is lost, none is paid twice',
  run: (context) =>
    underLoad(context, async (load) => {
      for (const service of SERVICES) {
        await context.stage.replace(service);
        context.say(`a Pod of ${service} was deleted, and another one is ready`);
        await load.accepted(SOME);
      }
    }),
};

export const upgrade: Case = {
  name: 'upgrade',
  what: 'every service rolls over to a new configuration while orders flow; no order is lost, none is paid twice',
  run: (context) =>
    underLoad(context, async () => {
      await context.stage.upgrade();
      context.say('every service runs the new configuration');
    }),
};

export const replicas: Case = {
  name: 'replicas',
  what: 'with two Pods of each service, of which one is deleted, no order is lost, none is paid twice',
  skip: ({ storage }) =>
    storage === 'postgres' ? undefined : 'two Pods of a service need --storage postgres',
  async run(context) {
    const { stage, say } = context;
    try {
      for (const service of SERVICES) {
        await stage.scale(service, 2);
        const pages = await stage.metrics(service);
        if (pages.length !== 2) throw new Error(`${service} has ${pages.length} Pods that answer, not 2`);
      }
      say('every service has two Pods');
      await underLoad(context, async (load) => {
        for (const service of SERVICES) {
          await stage.replace(service);
          say(`one of the two Pods of ${service} was deleted, and another one is ready`);
          await load.accepted(SOME);
        }
      });
    } finally {
      for (const service of SERVICES) await stage.scale(service, 1);
    }
  },
};

async function underLoad(context: Context, act: (load: Load) => Promise<void>): Promise<void> {
  const before = await levelOf(context.stage);
  const load = new Load(context.stage);
  try {
    await load.accepted(SOME);
    await act(load);
    await load.accepted(SOME);
  } catch (error) {
    await load.stop().catch(() => undefined);
    throw error;
  }
  const orders = await load.stop();
  context.say(`${orders.length} orders were accepted meanwhile`);
  await judge(context, orders, before);
}
