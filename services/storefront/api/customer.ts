import { z } from 'zod';
import { routeFor } from '../../../platform/http/route.ts';
import { changeAddress } from '../change.ts';
import type { Deps } from '../handle.ts';
import type { Emits } from '../order.ts';
import { refusal, shippingAddress } from './schemas.ts';
import { customerOf, needsSession } from './session.ts';

const route = routeFor<Emits, Deps>();

export const changeShippingAddress = route({
  method: 'put',
  path: '/api/me/shipping-address',
  summary: 'Move: parcels that have not left go to the new address; see "requests" of each order',
  auth: 'customer',
  precheck: needsSession,
  body: shippingAddress,
  responses: {
    202: { description: 'asked, under this revision', schema: z.object({ revision: z.int() }) },
    401: refusal('no session'),
    422: refusal('a field that cannot be, or a country not served'),
  },
  async handle({ body, header }, { commit, deps }) {
    const customerId = customerOf(header, deps);
    const revision = await commit((tx, scope) => changeAddress(tx, customerId, body, scope));
    return { status: 202, body: { revision } };
  },
});
