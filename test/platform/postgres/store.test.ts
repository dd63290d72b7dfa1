import { openPostgres } from '../../../platform/store/postgres.ts';
import { documentsContract } from '../../contract/documents.ts';
import { storeContract, type OpenStore } from '../../contract/store.ts';
import { statementsContract } from '../../contract/statements.ts';
import { tasksContract } from '../../contract/tasks.ts';
import { openTestData, postgresOptions } from '../../support/data.ts';

async function open(): Promise<OpenStore> {
  const data = await openTestData('store');
  const store = await openPostgres(postgresOptions(data.env['DATABASE_URL'] ?? ''));
  return {
    store,
    async close() {
      await store.close();
      await data.remove();
    },
  };
}

storeContract('PostgreSQL', open);
statementsContract('PostgreSQL', open);
documentsContract('PostgreSQL', open);
tasksContract('PostgreSQL', open);
