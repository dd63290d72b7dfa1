import { describe, expect, it } from '@jest/globals';
import { deadline } from '../../../platform/service.ts';
import { addTask } from '../../../platform/store/tasks.ts';
import { exampleService, type Emits } from '../../support/example.ts';
import { startTestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

interface Data {
  readonly name: string;
  readonly by: string;
}

describe('a task whose row somebody holds when it is due', () => {
  it('is done once the row is free, though nobody says so', async () => {
    const late = deadline<Data, Emits, object>('late', async (_tx, data) => ({
      emit: [{ event: 'example.answered', data: { ...data, text: 'late' } }],
    }));
    await using service = await startTestService(exampleService({ tasks: [late] }));
    const { store } = service.service;
    const dueAt = new Date(Date.now() + 200);
    const payload = { name: 'row', by: 'holder' };
    await store.write((tx) => addTask(tx, { kind: 'late', key: 'row', payload, dueAt }, {}));
    service.service.wake();
    await store.write(async (tx) => {
      await tx.all("select 1 from tasks where kind = 'late' for update");
      await until('it was due for some looks', () => Date.now() > dueAt.getTime() + 200);
    });
    await until('it is done', () => service.sink.events.length === 1);
    expect(service.sink.events[0]?.data['text']).toBe('late');
  });
});
