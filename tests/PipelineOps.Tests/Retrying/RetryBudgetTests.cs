namespace PipelineOps.Tests.Retrying;

public sealed class RetryBudgetTests
{
    private const int Threads = 16;

    [Fact]
    public void Every_invalid_parameter_is_listed()
    {
        var exception = Assert.Throws<InvalidOptionsException>(static () => new RetryBudget(0.5, -0.1, -1));

        Assert.Equal(
            [
                "maxTokens is 0.5, but must be from 1 to 1,000,000,000.",
                "tokensPerSuccess is -0.1, but must be from 0 to 1,000,000,000.",
                "initialTokens is -1, but must be from 0 to maxTokens.",
            ],
            exception.Failures);
    }

    [Theory]
    [InlineData(double.NaN, 0.1, 10, "maxTokens")]
    [InlineData(double.PositiveInfinity, 0.1, 10, "maxTokens")]
    [InlineData(1_000_000_001, 0.1, 10, "maxTokens")]
    [InlineData(100, double.NaN, 10, "tokensPerSuccess")]
    [InlineData(100, double.PositiveInfinity, 10, "tokensPerSuccess")]
    [InlineData(100, 0.1, double.NaN, "initialTokens")]
    [InlineData(100, 0.1, 100.1, "initialTokens")]
    public void A_parameter_out_of_range_is_named(double maxTokens, double tokensPerSuccess, double initialTokens, string field) =>
        Assert.Contains(
            Assert.Throws<InvalidOptionsException>(() => new RetryBudget(maxTokens, tokensPerSuccess, initialTokens)).Failures,
            f => f.StartsWith(field, StringComparison.Ordinal));

    [Fact]
    public void Retries_stop_when_no_success_comes()
    {
        var budget = new RetryBudget();

        Assert.Equal(10, Enumerable.Range(0, 1_000).Count(_ => budget.TryWithdraw()));
        Assert.Equal(0, budget.Tokens);
    }

    [Fact]
    public void Less_than_one_token_pays_for_nothing_and_stays()
    {
        var budget = new RetryBudget(initialTokens: 0.999999);

        Assert.False(budget.TryWithdraw());
        Assert.Equal(0.999999, budget.Tokens);
    }

    [Fact]
    public void Ten_successes_pay_for_exactly_one_retry()
    {
        var budget = new RetryBudget(initialTokens: 0);

        // A tenth has no exact binary form: ten of them added up as doubles stay below one.
        for (int retry = 0; retry < 100; retry++)
        {
            for (int success = 0; success < 9; success++)
                budget.Deposit();
            Assert.False(budget.TryWithdraw());

            budget.Deposit();
            Assert.True(budget.TryWithdraw());
            Assert.Equal(0, budget.Tokens);
        }
    }

    [Fact]
    public void A_full_budget_takes_no_more()
    {
        var budget = new RetryBudget(maxTokens: 2, tokensPerSuccess: 0.7, initialTokens: 1.9);

        budget.Deposit();
        Assert.Equal(2, budget.Tokens);
        budget.Deposit();
        Assert.Equal(2, budget.Tokens);
    }

    [Fact]
    public void A_fixed_allowance_is_never_refunded()
    {
        var budget = new RetryBudget(tokensPerSuccess: 0, initialTokens: 1);

        Assert.True(budget.TryWithdraw());
        budget.Deposit();
        Assert.Equal(0, budget.Tokens);
    }

    [Fact]
    public void The_largest_budget_does_not_overflow()
    {
        var budget = new RetryBudget(1_000_000_000, 1_000_000_000, 999_999_999);

        budget.Deposit();

        Assert.Equal(1_000_000_000, budget.Tokens);
    }

    // Hunts two lost updates: a deposit overwritten by a withdrawal that read before it, and one token withdrawn by two threads.
    // The budget hovers around empty, where both are decided.
    [Fact]
    public void Concurrent_withdrawals_and_deposits_balance_exactly()
    {
        for (int round = 0; round < 20; round++)
        {
            var budget = new RetryBudget(maxTokens: 1_000_000, tokensPerSuccess: 0.3, initialTokens: 7);
            long deposits = 0;
            long withdrawals = 0;

            Together(thread =>
            {
                (int given, int taken) = (0, 0);
                for (int i = 0; i < 5_000; i++)
                {
                    if ((i + thread) % 2 == 0)
                    {
                        budget.Deposit();
                        given++;
                    }
                    else if (budget.TryWithdraw())
                        taken++;
                }

                Interlocked.Add(ref deposits, given);
                Interlocked.Add(ref withdrawals, taken);
            });

            decimal balance = 7 + 0.3m * deposits - withdrawals;
            Assert.True(withdrawals > 7);
            Assert.Equal(balance, (decimal)budget.Tokens);
        }
    }

    // Hunts a deposit that passes the maximum because another filled the budget after it looked, and a withdrawal below zero.
    [Fact]
    public void The_balance_never_leaves_its_range()
    {
        var budget = new RetryBudget(maxTokens: 3, tokensPerSuccess: 0.9, initialTokens: 3);
        double least = 0;
        double most = 3;
        long deposits = 0;
        long withdrawals = 0;

        Together(thread =>
        {
            for (int i = 0; i < 50_000; i++)
            {
                if (thread % 2 == 0)
                {
                    budget.Deposit();
                    Interlocked.Increment(ref deposits);
                }
                else if (budget.TryWithdraw())
                    Interlocked.Increment(ref withdrawals);

                double tokens = budget.Tokens;
                if (tokens < 0)
                    Volatile.Write(ref least, tokens);
                if (tokens > 3)
                    Volatile.Write(ref most, tokens);
            }
        });

        Assert.Equal(0, least);
        Assert.Equal(3, most);
        Assert.True(withdrawals <= 3 + 0.9m * deposits);
    }

    // Hunts one token withdrawn twice: nothing is deposited, so that each withdrawal is one of the first.
    [Fact]
    public void A_token_is_withdrawn_once()
    {
        for (int round = 0; round < 50; round++)
        {
            var budget = new RetryBudget(maxTokens: 1_000, initialTokens: 1_000);
            int withdrawals = 0;

            Together(_ =>
            {
                while (budget.TryWithdraw())
                    Interlocked.Increment(ref withdrawals);
            });

            Assert.Equal(1_000, withdrawals);
        }
    }

    private static void Together(Action<int> work)
    {
        using var start = new Barrier(Threads);
        Thread[] threads =
        [
            .. Enumerable.Range(0, Threads).Select(n => new Thread(() =>
            {
                start.SignalAndWait();
                work(n);
            })),
        ];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
    }
}
